"""Small files of the stack: secrets and configuration, replaced whole, readable by their owner only."""

import os
import secrets
from pathlib import Path


def write(path: Path, text: str, *, mode: int = 0o600, owner: tuple[int, int] | None = None) -> bool:
    """Replace a file at once if its content differs, and say whether it did."""
    if path.exists() and path.read_text() == text:
        return False
    temporary = path.with_name(f".{path.name}.{os.getpid()}.new")
    temporary.unlink(missing_ok=True)
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    with os.fdopen(descriptor, "w") as file:
        file.write(text)
        file.flush()
        if owner:
            os.fchown(descriptor, *owner)
        os.fsync(descriptor)
    temporary.replace(path)
    return True


def secret(path: Path) -> str:
    """Return the secret that a file holds; the first call makes one of 48 hexadecimal digits."""
    if not path.exists() or not path.read_text().strip():
        write(path, secrets.token_hex(24) + "\n")
    return path.read_text().strip()
