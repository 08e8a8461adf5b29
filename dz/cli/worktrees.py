"""`dz inspect`: what a work tree says about itself, without running any of it."""

import importlib
from pathlib import Path
from typing import Annotated

import typer

from dz.cli.options import AsJson


def register(app: typer.Typer) -> None:
    """Add the command to `app`."""
    app.command("inspect")(inspect)


def inspect(path: Annotated[Path, typer.Argument(help="A work tree.")], as_json: AsJson = False) -> None:
    """Inspect a work tree: settings, dependencies, Python, database; nothing of the project is run."""
    code: int = importlib.import_module("dz.cli.inspect").inspect_command(path, as_json)
    raise typer.Exit(code)
