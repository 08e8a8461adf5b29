"""Takes over the translations that a verification has compiled; trusts nothing in them."""

import base64
import binascii
from importlib.util import find_spec
from pathlib import Path, PurePosixPath

from dz.tasklib.verification import reports
from dz.tasklib.verification.shim import write_file

MAX_BYTES = 64_000_000
"""Size limit of all compiled translations of a project, as JSON."""


def lend_compiler(folder: Path) -> None:
    """Put polib, one module without dependencies, where the project's interpreter finds it; no bundle carries it."""
    spec = find_spec("polib")
    if spec and spec.origin:
        write_file(folder / "polib.py", Path(spec.origin).read_bytes())


def compiled(out: Path, root: Path) -> dict[str, bytes]:
    """Return the compiled translations, by their paths in the checkout; each lies beside its source.

    Args:
        out: the project's folder of the verification.
        root: the checkout.
    """
    found = {}
    for name, content in reports.read(out / "catalogs.json", limit=MAX_BYTES).items():
        if isinstance(content, str) and _belongs(name, root):
            try:
                found[name] = base64.b64decode(content, validate=True)
            except (binascii.Error, ValueError):
                continue
    return found


def _belongs(name: str, root: Path) -> bool:
    """Say whether a compiled file may lie at `name`: its source is there, and nothing else; no link leads there."""
    path = PurePosixPath(name)
    if path.is_absolute() or ".." in path.parts or path.suffix != ".mo" or "\0" in name:
        return False
    place = root / path
    real = place.parent.resolve() == root.resolve() / path.parent
    source = place.with_suffix(".po")
    return real and source.is_file() and not source.is_symlink() and not place.exists() and not place.is_symlink()
