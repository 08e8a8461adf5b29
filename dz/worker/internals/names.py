"""Checks that Prefect still has the private names that a hook relies on."""

import inspect
import pkgutil
from collections.abc import Iterable
from dataclasses import dataclass
from types import CodeType


@dataclass(frozen=True)
class Name:
    """A name of Prefect's, and the shape that it is expected to have.

    Args:
        path: `module:attribute.attribute`.
        takes: the parameters that it is called with.
        mentions: what its code must look up, set or read from the environment. A name that is replaced has no effect
            unless its caller looks it up, and an attribute that is read must be set somewhere.
    """

    path: str
    takes: tuple[str, ...] = ()
    mentions: tuple[str, ...] = ()


def missing(names: Iterable[Name]) -> list[str]:
    """Return, in words, what the installed Prefect lacks of some names."""
    return [lack for name in names for lack in _lacks(name)]


def _lacks(name: Name) -> list[str]:
    try:
        found = pkgutil.resolve_name(name.path)
    except (ImportError, AttributeError):
        return [name.path]
    mentioned = _mentioned(found) if name.mentions else set()
    return [
        *(
            f"the parameter {one} of {name.path}"
            for one in name.takes
            if one not in inspect.signature(found).parameters
        ),
        *(f"{one} in {name.path}" for one in name.mentions if one not in mentioned),
    ]


def _mentioned(found: object) -> set[str]:
    if inspect.ismodule(found):
        return _names_in(compile(inspect.getsource(found), found.__name__, "exec"))
    code = getattr(inspect.unwrap(found), "__code__", None)  # type: ignore[arg-type]
    return _names_in(code) if isinstance(code, CodeType) else set()


def _names_in(code: CodeType) -> set[str]:
    texts = (constant for constant in code.co_consts if isinstance(constant, str))
    inner = (_names_in(constant) for constant in code.co_consts if isinstance(constant, CodeType))
    return set(code.co_names).union(texts, *inner)
