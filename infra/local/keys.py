"""Secrets that a stack makes for itself, each in a file of the folder `keys`."""

import secrets
from pathlib import Path

from dz.adapters import files


def secret(path: Path) -> str:
    """Return the secret that a file holds; the first call makes one of 48 hexadecimal digits."""
    if not path.exists() or not path.read_text().strip():
        files.write(path, secrets.token_hex(24) + "\n", mode=0o600)
    return path.read_text().strip()
