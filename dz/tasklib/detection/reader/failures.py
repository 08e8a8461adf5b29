"""Exceptions that the settings would raise, and the variables whose absence is to blame."""

from collections.abc import Callable
from typing import Any

from dz.tasklib.detection.reader.bounds import bounded
from dz.tasklib.detection.reader.values import UNKNOWN
from dz.tasklib.detection.reader.variables import Variables


class Failure(Exception):
    """The settings would raise an exception here.

    Args:
        names: the variables whose absence is the cause.
        kind: the name of the exception's class, or several names that the same failure goes by.
    """

    def __init__(self, names: set[str], kind: str) -> None:
        super().__init__(kind)
        self.names = names
        self.kind = kind


def call(variables: Variables, function: Callable[..., Any], args: list[Any], kwargs: dict[str, Any]) -> Any:
    """Call a function of the allow list with known values; what it refuses for any other reason is UNKNOWN.

    Raises:
        Failure: it refuses a value that is there only because a variable is not set.
    """
    try:
        return bounded(function(*args, **kwargs))
    except TypeError:
        if None in args and variables.causes():
            raise Failure(variables.causes(), "TypeError") from None
        return UNKNOWN
    except ValueError:
        if variables.causes():
            raise Failure(variables.causes(), "ValueError") from None
        return UNKNOWN
    except (LookupError, AttributeError, OverflowError):
        return UNKNOWN
