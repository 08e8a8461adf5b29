"""Which variables each name, and each entry of a dict, was made from."""

from collections.abc import Iterable, Mapping
from typing import Any

_NONE: frozenset[str] = frozenset()


class Origins:
    """The variables behind the names of a namespace and behind the entries of a dict.

    A namespace or dict is known by its identity. It is kept until it is forgotten: no later object may take that
    identity over.
    """

    def __init__(self) -> None:
        self._holders: dict[int, tuple[Mapping[Any, Any], dict[str, frozenset[str]]]] = {}

    def of(self, holder: Any, name: object) -> frozenset[str]:
        """Return the variables behind one name of a namespace or one key of a dict."""
        _, names = self._holders.get(id(holder), (None, {}))
        return names.get(str(name), _NONE)

    def note(self, holder: Mapping[Any, Any], name: object, variables: Iterable[str]) -> None:
        """Record the variables behind a name, in place of those that were known."""
        found = frozenset(variables)
        if found:
            self._holders.setdefault(id(holder), (holder, {}))[1][str(name)] = found
        elif id(holder) in self._holders:
            self._holders[id(holder)][1].pop(str(name), None)

    def inherit(self, holder: Mapping[Any, Any], parent: Mapping[Any, Any], names: Iterable[object]) -> None:
        """Record for names that were taken over from another namespace or dict what is known of them there."""
        for name in names:
            self.note(holder, name, self.of(parent, name))

    def forget(self, holder: Mapping[Any, Any]) -> None:
        """Drop a namespace or dict that nothing will ask about any more."""
        self._holders.pop(id(holder), None)
