"""Placeholders for variables that only the owner knows: values of a fitting kind, good for loading settings once."""

import base64
import re
import secrets
from collections.abc import Callable, Mapping

_TEXT, _NUMBER, _FLAG, _JSON = "stand-in", "1", "False", "{}"
KINDS = 5
"""How many other values there are for a variable."""
_URL = "https://stand-in.invalid/"


def _secret() -> str:
    """Return 32 random bytes as Fernet and most others want them."""
    return base64.urlsafe_b64encode(secrets.token_bytes(32)).decode()


_BY_NAME: tuple[tuple[str, Callable[[], str]], ...] = (
    (r"(DATABASE|POSTGRES\w*|(^|_)PG|(^|_)DB)_(URL|URI|DSN)$", lambda: "postgres://nobody:nothing@127.0.0.1:1/nowhere"),
    (r"(REDIS|BROKER|CELERY|CACHE|RESULT_BACKEND)", lambda: "redis://127.0.0.1:1/0"),
    (r"(^|_)DSN$", lambda: "https://0123456789abcdef@stand-in.invalid/1"),
    (r"(^|_)(URL|URI|ENDPOINT|ORIGIN|ORIGINS|SITE)$", lambda: _URL),
    (r"E?MAIL", lambda: "nobody@stand-in.invalid"),
    (r"(^|_)(HOST|HOSTS|HOSTNAME|IP|IPS)$", lambda: "127.0.0.1"),
    (r"(^|_)DOMAINS?$", lambda: "stand-in.invalid"),
    (r"SECRET|PASSWORD|PASSWD|TOKEN|SALT|(^|_)KEY(_|$)", _secret),
    (r"(^|_)(PORT|TIMEOUT|SECONDS|MINUTES|HOURS|DAYS|SIZE|COUNT|LIMIT|MAX|MIN|AGE)$", lambda: _NUMBER),
    (r"(^|_)(DEBUG|ENABLED?|DISABLED?|USE|IS|SSL|TLS)(_|$)", lambda: _FLAG),
)


def placeholder(name: str, turn: int = 0) -> str:
    """Return a value for a variable that reaches nothing.

    Args:
        turn: how many values have been refused already; then other kinds come.
    """
    if turn:
        others = (_NUMBER, _FLAG, _JSON, _URL, _TEXT)
        return others[(turn - 1) % len(others)]
    make = next((make for pattern, make in _BY_NAME if re.search(pattern, name, re.IGNORECASE)), None)
    return make() if make else f"{_TEXT}-{name.lower().replace('_', '-')}"


def refused(given: Mapping[str, str], message: str, line: str) -> str | None:
    """Return the variable whose stand-in an error complains about: it shows the value, or its line the name."""
    for name, value in given.items():
        if len(value) > len(_FLAG) and value in message:
            return name
    return next((name for name in given if re.search(rf"\b{re.escape(name)}\b", f"{line} {message}")), None)
