# mypy: ignore-errors
"""Finds the pages by which a site without a front page can be seen to live: health checks, the admin, APIs, documents.

Only paths that asking for is harmless are named. Runs in the project's interpreter.
"""

import re

_HEALTH = {
    "health", "healthz", "health-check", "healthcheck", "ping", "status", "ready", "readyz", "live", "livez", "alive", "up",
}  # fmt: skip
_DOCUMENTS = {"docs", "swagger", "swagger-ui", "redoc", "schema", "openapi", "openapi.json", "schema.json"}
_MOST, _OF_ONE_KIND, _DEPTH, _LOOKED_AT = 8, 3, 6, 3000


def known():
    """Return paths, the most telling first."""
    from django.urls import get_resolver

    found = {}
    for number, (path, entry) in enumerate(_walk(get_resolver().url_patterns, "/", 0)):
        kind = _kind(path, entry)
        if kind is not None and path != "/":
            found.setdefault(path, kind)
        if number > _LOOKED_AT:
            break
    chosen = []
    for kind in range(5):
        same = sorted((path for path, its in found.items() if its == kind), key=len)
        chosen += same[:_OF_ONE_KIND]
    return chosen[:_MOST]


def _walk(entries, before, depth):
    """Yield pairs of a path without parameters and what the URLs have there."""
    for entry in entries:
        text = _text(entry)
        if text is None:
            continue
        path = before + text.lstrip("/") if before.endswith("/") else before + text
        if not hasattr(entry, "url_patterns") or _is_admin(entry):
            yield path, entry
        elif depth < _DEPTH:
            for found in _walk(entry.url_patterns, path, depth + 1):
                yield found  # noqa: UP028


def _text(entry):
    """Return what an entry matches; None if that depends on parameters."""
    pattern = getattr(entry, "pattern", None)
    text = str(pattern) if pattern is not None else entry.regex.pattern
    if pattern is None or type(pattern).__name__ == "RegexPattern":
        text = re.sub(r"\\Z$|\$$", "", re.sub(r"^\^", "", text)).replace("/?", "/").replace("\\.", ".")
        return text if re.match(r"[\w./-]*$", text) else None
    return None if "<" in text else text


def _is_admin(entry):
    return getattr(entry, "app_name", None) == "admin"


def _kind(path, entry):
    words = [word for word in path.lower().split("/") if word]
    name = str(getattr(entry, "name", None) or "")
    view = getattr(getattr(entry, "callback", None), "cls", None) or getattr(entry, "callback", None)
    if not words:
        return None
    if words[-1] in _HEALTH:
        return 0
    if _is_admin(entry):
        return 1
    if name.endswith("api-root") or getattr(view, "__name__", "") in ("APIRootView", "APIRoot"):
        return 2
    if words[-1] in _DOCUMENTS:
        return 3
    return 4 if words[0] in ("api", "graphql") and len(words) < 4 else None
