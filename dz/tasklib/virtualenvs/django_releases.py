"""Which Pythons each release of Django is made for, and when it came out."""

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

_RELEASED = {
    "6.0": "2025-12-03",
    "5.2": "2025-04-02",
    "5.1": "2024-08-07",
    "5.0": "2023-12-04",
    "4.2": "2023-04-03",
    "4.1": "2022-08-03",
    "4.0": "2021-12-07",
    "3.2": "2021-04-06",
    "3.1": "2020-08-04",
    "3.0": "2019-12-02",
    "2.2": "2019-04-01",
    "2.1": "2018-08-01",
    "2.0": "2017-12-02",
    "1.11": "2017-04-04",
}
"""The day of each release: docs.djangoproject.com, release notes."""


def releases(constraint: str | None, as_of: str = "") -> list[str]:
    """Return the known releases that a constraint allows, newest first; all of them where there is none to be read.

    Args:
        constraint: as PEP 440 or Poetry writes it.
        as_of: only those that were out then, in the form of RFC 3339; "": all.
    """
    allowed = _specifiers(constraint or "")
    out = [release for release, day in _RELEASED.items() if not as_of or day <= as_of[:10]]
    return out if allowed is None else [release for release in out if touches(allowed, release)]


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
