"""Encrypts the secrets that zoomdb stores; the keys are kept outside it."""

import os
from pathlib import Path

from cryptography.fernet import Fernet, InvalidToken, MultiFernet

from dz.errors import StackProblem


class Encryption:
    """Encrypts and decrypts short texts with the keys of a file.

    Args:
        key_file: Fernet keys, newest first, one a line, mode 0600. Older keys only decrypt (rotation).

    Raises:
        StackProblem: the file is missing or holds no valid key.
    """

    def __init__(self, key_file: Path) -> None:
        try:
            lines = key_file.read_text().split()
            self._fernet = MultiFernet([Fernet(line) for line in lines])
        except (OSError, ValueError) as error:
            raise StackProblem(
                f"The key file {key_file} that protects secrets in zoomdb cannot be used.",
                "Restore it from your backup; without it stored passwords cannot be read. Nothing was changed.",
            ) from error

    def encrypt(self, text: str, owner: str) -> bytes:
        """Encrypt `text` so that it can only be decrypted for the same `owner` (a sysid and a name)."""
        return self._fernet.encrypt(f"{owner}\0{text}".encode())

    def decrypt(self, token: bytes, owner: str) -> str:
        """Return the text; raises StackProblem if the key is wrong or the token belongs to another owner."""
        try:
            found, _, text = self._fernet.decrypt(token).decode().partition("\0")
        except InvalidToken:
            found, text = "", ""
        if found != owner:
            raise StackProblem(
                f"A secret of {owner} cannot be decrypted with the keys of this server.",
                "Restore the key file that was in use when the secret was stored.",
            )
        return text


def create_key_file(path: Path) -> None:
    """Create the key file with one new key if there is none (mode 0600, never overwritten)."""
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    temporary = path.with_suffix(f".{os.getpid()}.new")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(Fernet.generate_key() + b"\n")
        os.fsync(file.fileno())
    try:
        os.link(temporary, path)
    except FileExistsError:
        pass
    finally:
        temporary.unlink()
