"""The variables of a deploy that has set none of them, and what the settings asked for."""

from collections.abc import Iterable
from typing import Any

from dz.tasklib.detection.reader.stages import in_production
from dz.tasklib.detection.reader.values import MISSING, UNKNOWN


class Variables:
    """Answers every read of a variable, and remembers it.

    Attributes:
        required: variables that the settings cannot be imported without, and the `file:line` that needs each.
        read: all variables that were asked for, and the `file:line` that did so first.
        without_default: those that were read at least once without a default, or with an empty one.
        defaults: the first default that was given for each.
        casts: what each is turned into: `int`, `bool` or `json`.
        stages: how the project spells the name of its production environment, by the variable that holds it.
        dotenv: names that a committed file of variables sets.
        given: values that the settings set themselves, or that every server sets.
        touched: variables that the expression at hand depends on.
        basis: `file:line` of the statement at hand.
    """

    def __init__(self) -> None:
        self.required: dict[str, str] = {}
        self.read: dict[str, str] = {}
        self.without_default: set[str] = set()
        self.defaults: dict[str, Any] = {}
        self.casts: dict[str, str] = {}
        self.stages: dict[str, str] = {}
        self.dotenv: set[str] = set()
        self.given: dict[str, Any] = dict.fromkeys(("PATH", "HOME", "PWD"), UNKNOWN)
        self.touched: set[str] = set()
        self.basis = ""

    def ask(self, name: Any, default: Any = MISSING, *, strict: bool = False) -> Any:
        """Return what reading an unset variable gives: its default or None.

        Args:
            strict: without a default the read would fail; then it gives MISSING.
        """
        if not isinstance(name, str) or not name.isidentifier():
            return UNKNOWN
        if name in self.given:
            return self.given[name]
        self.read.setdefault(name, self.basis)
        self.touched.add(name)
        if default is not MISSING:
            self.defaults.setdefault(name, default)
        if name in self.dotenv:
            return UNKNOWN
        if default is MISSING or default is None or default == "":
            self.without_default.add(name)
        if default is MISSING:
            return MISSING if strict else None
        return in_production(name, default)

    def require(self, names: Iterable[str]) -> None:
        """Record variables that the settings cannot be imported without."""
        for name in names:
            self.required.setdefault(name, self.read.get(name, self.basis))

    def causes(self) -> set[str]:
        """Return those of the touched variables that may be empty: they are to blame if the expression fails."""
        return self.touched & self.without_default
