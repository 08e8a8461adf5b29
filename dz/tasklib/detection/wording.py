"""Guesses in words, for people."""

from typing import Any

_SUPPLY = {"platform": "DjangoZoom sets it", "generate": "a random value is made", "ask": "you must give it"}


def text(value: Any) -> str:
    """Return a guessed value as people read it, without characters that could control a terminal."""
    return "".join(letter for letter in _worded(value) if letter.isprintable())


def _worded(value: Any) -> str:
    if isinstance(value, dict) and "supply" in value:
        return _variable(value)
    if isinstance(value, dict) and "choice" in value:
        mark = "kept" if value.get("safe") else "CAN BE LOST"
        return f"{mark}: {value.get('found')}. {value['choice']}"
    return ", ".join(map(str, value)) if isinstance(value, list | tuple) else str(value)


def _variable(value: dict[str, Any]) -> str:
    default = value.get("default")
    may = "may stay unset" if default is None else f"default {default}"
    words = [_SUPPLY.get(str(value["supply"]), may)]
    words += [word for word in ("required", "is_secret") if value.get(word)]
    words += [str(value["note"])] if value.get("note") else []
    return f"{value.get('name')}: {', '.join(words)}".replace("is_secret", "secret")
