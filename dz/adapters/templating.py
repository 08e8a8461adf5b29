"""Renders nginx's configuration; a value that could be read as syntax is refused."""

import re
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined, Undefined

from dz.errors import ProxyRefused

_HARMLESS = re.compile(r"[A-Za-z0-9._/:\[\]-]+", re.ASCII)


def checked(value: Any) -> str:
    """Return `value` as text if nginx can only read it as one plain word, else raise ProxyRefused."""
    if isinstance(value, Undefined):
        return str(value)
    text = str(value)
    if _HARMLESS.fullmatch(text):
        return text
    raise ProxyRefused(
        f"{text[:100]!r} cannot be written into the configuration of nginx; nothing was changed.",
        "Use only letters, digits and . _ / : - [ ] in host names, URL paths of static files and folders of the proxy.",
    )


_ENVIRONMENT = Environment(
    loader=FileSystemLoader(Path(__file__).parent / "templates"),
    undefined=StrictUndefined,
    finalize=checked,
    trim_blocks=True,
    lstrip_blocks=True,
    keep_trailing_newline=True,
    autoescape=False,  # noqa: S701  # HTML escaping does not protect nginx's syntax; `checked` does
)


def render(template: str, **values: Any) -> str:
    """Return the text of a template of `dz/adapters/templates`; every value that it writes is checked."""
    return _ENVIRONMENT.get_template(template).render(**values)
