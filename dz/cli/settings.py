"""`dz settings`: the platform's settings, their values, and where each comes from."""

import json
import os
import re
from typing import Annotated, Any

import typer
from pydantic import SecretStr

from dz.cli import output
from dz.cli.options import AsJson
from dz.settings import Settings, settings

_PASSWORD = re.compile(r"(//(?:[^/@:\s]*:)?)[^/@\s]+@")


def register(app: typer.Typer) -> None:
    """Add the command to `app`."""
    app.command("settings")(list_settings)


def list_settings(
    names: Annotated[list[str] | None, typer.Argument(metavar="[NAME]...", help="Only these; default: all.")] = None,
    as_json: AsJson = False,
) -> None:
    """List the platform's settings with their values, secrets hidden, and where each value comes from.

    `DZ_NAME=VALUE dz up` gives one to the local stack, which keeps it; `DZ_NAME= dz up` has the stack forget it.
    """
    wanted = {name.upper().removeprefix("DZ_") for name in names or []}
    unknown = wanted - {name.upper() for name in Settings.model_fields}
    if unknown:
        raise typer.BadParameter(f"there is no setting DZ_{min(unknown)}; `dz settings` lists all.")
    here = settings()
    stored = _stored(here)
    rows = [
        (f"DZ_{name.upper()}", _shown(getattr(here, name)), _origin(name, stored), _what(field.description))
        for name, field in Settings.model_fields.items()
        if name not in ("given", "external") and (not wanted or name.upper() in wanted)
    ]
    if as_json:
        keys = ("name", "value", "from", "what")
        output.print_json({"settings": [dict(zip(keys, row, strict=True)) for row in rows]})
        return
    output.print_table(("setting", "value", "from", "what it is"), rows)


def _stored(here: Settings) -> dict[str, Any]:
    path = here.state_dir / "settings.json"
    try:
        found: dict[str, Any] = json.loads(path.read_text())
    except OSError:
        return {}
    return found


def _origin(name: str, stored: dict[str, Any]) -> str:
    """Say where the value of a setting comes from, the first of the places that are looked at."""
    if os.environ.get(f"DZ_{name.upper()}"):
        return "environment"
    if name not in stored:
        return "default"
    return (
        "given to dz up" if name in {*stored.get("given", []), *stored.get("external", [])} else "chosen by the stack"
    )


def _shown(value: Any) -> str:
    if isinstance(value, SecretStr):
        return "(hidden)" if value.get_secret_value() else ""
    text = ", ".join(map(str, value)) if isinstance(value, list | tuple) else "" if value is None else str(value)
    return _PASSWORD.sub(r"\1***@", text)


def _what(description: str | None) -> str:
    return " ".join((description or "").split())
