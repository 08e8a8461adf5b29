"""The keys of `zoombuild.cfg`: their types, how they are checked, and how they are written."""

import difflib
import re
from collections.abc import Callable, Iterator
from typing import Any

from packaging.requirements import InvalidRequirement, Requirement
from packaging.specifiers import InvalidSpecifier

from dz import names
from dz.errors import InvalidName
from dz.tasklib.configuration.constraints import python_ranges

Value = str | int | bool | tuple[str, ...] | tuple[tuple[str, str], ...]
FIELD_OF = {
    "requirements_files": "dependency_files",
    "required_environment": "required_variables",
    "environment": "build_variables",
}
"""Keys whose field in `Plan` has another name."""
WORKER_CLASSES = ("gthread", "sync", "gevent")
MANAGERS = ("pip", "uv", "poetry", "pipenv", "pdm", "none")
CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f\x85\u2028\u2029]")
_LONGEST = 240
"""Limit on the bytes of a path or module name: file systems take 255 for a file name, `.py` included."""
_MODULE = re.compile(r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)*", re.ASCII)
_ENTRY = re.compile(rf"{_MODULE.pattern}:{_MODULE.pattern}", re.ASCII)
_HOOK = re.compile(r"[a-z][a-z0-9_]*( [\w./=:@+-]+)*", re.ASCII)


def typed(key: str, raw: str) -> Value:
    """Return the checked value of `key`, or raise a ValueError that says what is wrong."""
    if bad := CONTROL.search(raw):
        raise ValueError(f"the control character {bad.group()!r} is not allowed")
    check = KEYS.get(key)
    if check is None:
        near = difflib.get_close_matches(key, KEYS, 1)
        raise ValueError("this key is unknown" + (f"; did you mean {near[0]}?" if near else ""))
    return check(raw.strip())


def line_of(text: str, start: str) -> int:
    """Return the number of the first line that begins with `start`."""
    for number, line in enumerate(text.splitlines(), 1):
        if line.strip().lower().startswith(start.lower()):
            return number
    return 1


def texts(plan: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield key and text for every key that a plan has a value for."""
    for key in KEYS:
        value = plan[FIELD_OF.get(key, key)]
        if isinstance(value, bool):
            yield key, "true" if value else "false"
        elif isinstance(value, tuple | list):
            joiner = "=" if key == "environment" else " "
            lines = [item if isinstance(item, str) else joiner.join(item) for item in value]
            if lines or key in ("hooks", "requirements_files"):
                yield key, "".join(f"\n{line}" for line in lines)
        elif value is not None and value != "":
            yield key, str(value)


def path_inside(raw: str) -> str:
    """Return a relative path that stays inside the checkout, or raise ValueError."""
    parts = raw.replace("\\", "/").split("/")
    if not raw or raw.startswith(("/", "~", "-")) or ".." in parts or "\n" in raw or re.match(r"[A-Za-z]:", raw):
        raise ValueError(f"{raw!r} is not a relative path inside the repository")
    if len(raw.encode(errors="replace")) > _LONGEST:
        raise ValueError(f"the path has more than {_LONGEST} bytes")
    return "/".join(part for part in parts if part not in ("", ".")) or "."


def _line(raw: str) -> str:
    if not raw or "\n" in raw:
        raise ValueError("one line of text is expected")
    if len(raw) > 2000:
        raise ValueError("the value is longer than 2000 characters")
    return raw


def _title(raw: str) -> str:
    if len(_line(raw)) > 200:
        raise ValueError("the title is longer than 200 characters")
    return raw


def _matching(pattern: re.Pattern[str], what: str) -> Callable[[str], str]:
    def check(raw: str) -> str:
        if not pattern.fullmatch(raw):
            raise ValueError(f"{raw!r} is not {what}")
        return raw

    return check


def _dotted(pattern: re.Pattern[str], what: str) -> Callable[[str], str]:
    matching = _matching(pattern, what)

    def check(raw: str) -> str:
        if len(raw) > _LONGEST:
            raise ValueError(f"it has more than {_LONGEST} characters")
        return matching(raw)

    return check


def _one_of(*allowed: str) -> Callable[[str], str]:
    def check(raw: str) -> str:
        if raw not in allowed:
            raise ValueError(f"{raw!r} is not one of: {', '.join(allowed)}")
        return raw

    return check


def _number(low: int, high: int) -> Callable[[str], int]:
    def check(raw: str) -> int:
        if not re.fullmatch(r"[0-9]{1,7}", raw, re.ASCII) or not low <= int(raw) <= high:
            raise ValueError(f"{raw!r} is not a number from {low} to {high}")
        return int(raw)

    return check


def _flag(raw: str) -> bool:
    words = {"true": True, "yes": True, "on": True, "1": True, "false": False, "no": False, "off": False, "0": False}
    if raw.lower() not in words:
        raise ValueError(f"{raw!r} is neither true nor false")
    return words[raw.lower()]


def _lines(check: Callable[[str], str]) -> Callable[[str], tuple[str, ...]]:
    return lambda raw: tuple(check(line.strip()) for line in raw.splitlines() if line.strip())


def _pairs(check: Callable[[str], tuple[str, str]]) -> Callable[[str], tuple[tuple[str, str], ...]]:
    def all_of(raw: str) -> tuple[tuple[str, str], ...]:
        pairs = tuple(check(line.strip()) for line in raw.splitlines() if line.strip())
        first = [pair[0] for pair in pairs]
        twice = next((name for name in first if first.count(name) > 1), None)
        if twice:
            raise ValueError(f"{twice!r} is given twice")
        return pairs

    return all_of


def _media(line: str) -> tuple[str, str]:
    url, _, folder = line.partition(" ")
    if not re.fullmatch(r"/[A-Za-z0-9._~/-]*", url) or ".." in url or not folder.strip():
        raise ValueError(f"{line!r} is not a URL path followed by a directory")
    variable = re.match(r"\{(SITE_PACKAGES|SRC_PACKAGES)\}/?", folder.strip())
    rest = folder.strip()[variable.end() if variable else 0 :]
    if "{" in rest or "}" in rest:
        raise ValueError(f"{folder.strip()!r}: only {{SITE_PACKAGES}} and {{SRC_PACKAGES}} may stand at the beginning")
    inside = path_inside(rest or ".")
    return url, f"{{{variable[1]}}}/{inside}" if variable else inside


def _variable(line: str) -> tuple[str, str]:
    name, equals, value = line.partition("=")
    if not equals:
        raise ValueError(f"{name!r} is not NAME=value")
    return _name(name.strip()), value.strip()


def _name(raw: str) -> str:
    try:
        return names.variable(raw)
    except InvalidName as error:
        raise ValueError(error.found.rstrip(".")) from error


def _requirement(line: str) -> str:
    try:
        Requirement(line)
    except InvalidRequirement as error:
        raise ValueError(f"{line!r} is not a requirement such as 'package>=1.2'") from error
    return line


def _python(raw: str) -> str:
    if re.fullmatch(r"[0-9]+(\.[0-9]+){0,2}", raw, re.ASCII):
        return raw
    try:
        python_ranges(raw)
    except InvalidSpecifier as error:
        raise ValueError(f"{raw!r} is not a Python version such as '3.12' or '>=3.11'") from error
    return raw


_module = _dotted(_MODULE, "a dotted Python module")
_entry = _dotted(_ENTRY, "of the form package.module:attribute")
KEYS: dict[str, Callable[[str], Value]] = {
    "source_code_url": _line,
    "title": _title,
    "django_version": _line,
    "database_type": _matching(
        re.compile(r"postgresql(-gis)?(-[0-9.]+)?", re.ASCII), "a database type that is offered"
    ),
    "base_python_package": _module,
    "django_settings_module": _module,
    "site_media_map": _pairs(_media),
    "additional_python_path_dirs": _lines(path_inside),
    "requirements_files": _lines(path_inside),
    "extra_requirements": _lines(_requirement),
    "project_root": path_inside,
    "python_version": _python,
    "package_manager": _one_of(*MANAGERS),
    "wsgi": _entry,
    "asgi": _entry,
    "use_asgi": _flag,
    "instances": _number(1, 100),
    "processes": _number(1, 64),
    "worker_class": _one_of(*WORKER_CLASSES),
    "threads": _number(1, 128),
    "memory_mb": _number(64, 1_000_000),
    "timeout": _number(0, 86_400),
    "max_requests": _number(0, 1_000_000),
    "max_requests_jitter": _number(0, 1_000_000),
    "limit_request_line": _number(0, 8190),
    "limit_request_fields": _number(1, 1000),
    "limit_request_field_size": _number(0, 32_768),
    "request_body_mb": _number(1, 10_240),
    "streams": _flag,
    "preload": _flag,
    "hooks": _lines(_matching(_HOOK, "a management command with plain arguments")),
    "health_path": _matching(re.compile(r"/[A-Za-z0-9._~/?=&%-]*", re.ASCII), "a URL path that begins with '/'"),
    "collectstatic": _flag,
    "copy_data": _flag,
    "required_environment": _lines(_name),
    "environment": _pairs(_variable),
}
