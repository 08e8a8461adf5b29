"""Placeholders for variables that only the owner knows: plausible values, good enough for loading settings once."""

import base64
import re
import secrets
from collections.abc import Callable, Mapping

_TEXT, _NUMBER, _FLAG, _JSON = "stand-in", "1", "False", "{}"
_URL = "https://stand-in.invalid/"
OTHERS = (_NUMBER, _FLAG, _JSON, _URL, _TEXT)
"""Values to try, one after another, once a variable's first placeholder is refused."""


def _secret() -> str:
    """Return 32 random bytes in the encoding that Fernet and most others want."""
    return base64.urlsafe_b64encode(secrets.token_bytes(32)).decode()


# What a value looks like, not whether it must be hidden, which `contract.is_secret` says: a public key looks like a key, too.
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


def placeholder(name: str) -> str:
    """Return a value for a variable, of the kind that its name suggests; it leads to no real service."""
    make = next((make for pattern, make in _BY_NAME if re.search(pattern, name, re.IGNORECASE)), None)
    return make() if make else f"{_TEXT}-{name.lower().replace('_', '-')}"


def refused(given: Mapping[str, str], message: str, line: str) -> str | None:
    """Return the variable whose placeholder an error complains about: the value or the name shows in its text."""
    for name, value in given.items():
        if len(value) > len(_FLAG) and value in message:
            return name
    return next((name for name in given if re.search(rf"\b{re.escape(name)}\b", f"{line} {message}")), None)
