"""Kinds of values that an evaluation can give besides Python's own."""

from pathlib import PurePosixPath
from typing import Any

Scope = dict[str, Any]
"""Names and their values: a module's, or those of one call."""


class Unknown:
    """A value that only running the project could tell."""

    def __repr__(self) -> str:
        return "unknown"


UNKNOWN = Unknown()
MISSING = object()
"""What a read of an unset variable gives where the real one would raise an exception."""


class Native:
    """A function or object of the standard library or of a settings package that the reader imitates.

    Args:
        name: what it is, as in `natives.NATIVES`.
        prefix: what environs puts before the name of every variable.
        schemes: what django-environ was told of each variable, or what a validator of dynaconf checks.
    """

    def __init__(self, name: str, prefix: str = "", schemes: dict[str, Any] | None = None) -> None:
        self.name = name
        self.prefix = prefix
        self.schemes = schemes or {}


class EnvironPath(PurePosixPath):
    """`environ.Path` of django-environ: `path - 2` goes up, `path("a")` and `path.path("a")` go down."""

    def __sub__(self, levels: int) -> "EnvironPath":
        path = self
        for _ in range(min(levels, 20)):
            path = path.parent
        return path

    def __call__(self, *names: str) -> str:
        """Return the text of a path below."""
        return str(self.joinpath(*names))

    def path(self, *names: str) -> "EnvironPath":
        """Return the path of a name below."""
        return self.joinpath(*names)


class UrlDatabase:
    """An entry of DATABASES that a URL in a variable decides."""

    def __init__(self, default: Any) -> None:
        self.default = default
