"""Variables that name the environment a site runs in, and the values of them that mean production."""

import re
from typing import Any

PRODUCTION = {"production", "prod", "prd", "live", "deploy", "release"}
_DEVELOPMENT = {"dev", "develop", "development", "local"}
_SWITCH = re.compile(
    r"(^|_)(ENV|ENVIRONMENT|STAGE|DEPLOYMENT|MODE|TIER|PROFILE|DJANGO_CONFIGURATION)(_(NAME|ROLE|TYPE|MODE))?$|^ENV_FOR_DYNACONF$",
    re.IGNORECASE,
)


class Stage(str):
    """The name of the production environment, equal to every spelling that a project may use."""

    __slots__ = ()

    def __eq__(self, other: object) -> bool:
        return isinstance(other, str) and other.lower() in PRODUCTION

    def __ne__(self, other: object) -> bool:
        return not self == other

    def __hash__(self) -> int:
        return hash("production")

    def lower(self) -> "Stage":
        """Return the same: the comparison knows every spelling."""
        return self

    upper = title = capitalize = lower

    def strip(self, chars: str | None = None) -> "Stage":
        """Return the same."""
        return self


def is_switch(name: str) -> bool:
    """Say whether a variable of this name says which environment the settings are for."""
    return bool(_SWITCH.search(name))


def in_production(name: str, value: Any) -> Any:
    """Return the value that a variable has on a deployed site: one that would name development names production."""
    development = isinstance(value, str) and value.lower() in _DEVELOPMENT and is_switch(name)
    return Stage("production") if development else value
