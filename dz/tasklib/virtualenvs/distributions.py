"""What is installed in a virtualenv, read from its folder; nothing of it is run."""

from pathlib import Path

from packaging.utils import canonicalize_name

from dz.adapters import trees

_MOST_LISTED = 20_000_000
"""How many bytes of a package's list of files are read."""
_ABOUT = "*.dist-info"


def versions(virtualenv: Path) -> dict[str, str]:
    """Return the version of each installed package by its canonical name."""
    return {canonicalize_name(name): version for name, version, _ in _installed(virtualenv)}


def owner_of(virtualenv: Path, module: str) -> str:
    """Return the canonical name of the installed package that brings a module; "" if none does.

    Args:
        module: dotted; its first part decides.
    """
    top = module.partition(".")[0]
    for name, _, folder in _installed(virtualenv):
        raw = trees.read(virtualenv, f"{folder}/RECORD", limit=_MOST_LISTED) or b""
        files = raw.decode("utf-8", "replace").splitlines()
        if any(file.startswith((f"{top}/", f"{top}.py,", f"{top}.cpython", f"{top}.abi3")) for file in files):
            return canonicalize_name(name)
    return ""


def _installed(virtualenv: Path) -> list[tuple[str, str, str]]:
    """Return name, version and folder of each installed package."""
    found = trees.matching(virtualenv, "lib", "python*", "site-packages", _ABOUT)
    parts = ((path.rpartition("/")[2].removesuffix(".dist-info").rpartition("-"), path) for path in found)
    return sorted((name, version, path) for (name, _, version), path in parts)
