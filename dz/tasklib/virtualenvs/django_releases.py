"""Which Pythons each release of Django is made for."""

from packaging.specifiers import InvalidSpecifier, SpecifierSet

from dz.tasklib.configuration.constraints import specifier, touches

_PYTHONS = {
    "6.0": (12, 14),
    "5.2": (10, 14),
    "5.1": (10, 13),
    "5.0": (10, 12),
    "4.2": (8, 12),
    "4.1": (8, 11),
    "4.0": (8, 10),
    "3.2": (6, 10),
    "3.1": (6, 9),
    "3.0": (6, 9),
    "2.2": (5, 9),
    "2.1": (5, 7),
    "2.0": (4, 7),
    "1.11": (4, 7),
}
"""First and last 3.x of each release, newest first: docs.djangoproject.com, "What Python version can I use with Django?"."""


def releases(constraint: str | None) -> list[str]:
    """Return the known releases that a constraint allows, newest first; all of them where there is none to be read.

    Args:
        constraint: as PEP 440 or Poetry writes it.
    """
    allowed = _specifiers(constraint or "")
    if allowed is None:
        return list(_PYTHONS)
    return [release for release in _PYTHONS if touches(allowed, release)]


def oldest_python(constraint: str | None) -> int:
    """Return the x of the oldest 3.x on which some release that a constraint allows can be installed; 0 if unknown."""
    return min((oldest for oldest, _ in _pythons(constraint)), default=0)


def is_made_for(constraint: str | None, minor: int) -> bool:
    """Say whether some release that a constraint allows is made for Python 3.`minor`; True if unknown."""
    found = _pythons(constraint)
    return not found or any(oldest <= minor <= newest for oldest, newest in found)


def _pythons(constraint: str | None) -> list[tuple[int, int]]:
    return [_PYTHONS[release] for release in releases(constraint)]


def _specifiers(constraint: str) -> SpecifierSet | None:
    try:
        return SpecifierSet(",".join(specifier(part) for part in constraint.split(",") if part.strip()))
    except InvalidSpecifier:
        return None
