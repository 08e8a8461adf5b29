"""The Typer app `dz`: loads the command that was asked for, and reports its errors."""

import importlib
import re
from collections.abc import Sequence
from importlib import metadata
from typing import Annotated

import typer
from pydantic import ValidationError
from pydantic_settings import SettingsError
from typer.exceptions import TyperException

from dz.cli import output
from dz.errors import DzError, InvalidName, InvalidSetting, OwnerError, StackDown

PANELS = {
    "Deploying": ("try", "check", "launch", "deploy", "rollback"),
    "Projects": ("projects", "versions", "variables", "config", "host", "jobs", "job", "cancel"),
    "Servers": ("up", "down", "status", "servers", "settings"),
    "Without a stack": ("inspect", "test", "bench"),
}
"""The groups in which `dz --help` shows the commands; one that is in none comes last."""
COMMANDS = {
    "try": "dz.cli.try_",
    "check": "dz.cli.check",
    "inspect": "dz.cli.worktrees",
    "launch": "dz.cli.launch",
    "deploy": "dz.cli.deploy",
    "config": "dz.cli.config",
    "variables": "dz.cli.variables",
    "rollback": "dz.cli.rollback",
    "host": "dz.cli.hosts",
    "jobs": "dz.cli.jobs",
    "job": "dz.cli.jobs",
    "cancel": "dz.cli.jobs",
    "projects": "dz.cli.projects",
    "versions": "dz.cli.projects",
    "servers": "dz.cli.servers",
    "up": "dz.cli.stack",
    "down": "dz.cli.stack",
    "status": "dz.cli.stack",
    "settings": "dz.cli.settings",
    "test": "dz.cli.checkout",
    "bench": "dz.cli.checkout",
}
"""Each command and the module that registers it; only what was asked for is loaded, so that `dz` starts quickly."""


_CORRECT = (
    "Correct it in the environment, or in settings.json of the state folder; `dz settings` says what each setting is."
)
WITHOUT_STACK = ("try", "up", "down", "status", "settings", "inspect", "test", "bench")


def _show_version(asked: bool) -> None:
    if asked:
        typer.echo(f"dz {metadata.version('djangozoom')}")
        raise typer.Exit


def run(argv: Sequence[str]) -> int:
    """Run `dz` with these arguments and return its exit code.

    0: done. 1: somebody must act, the text says who and how. 2: wrong arguments, or an unforeseen error.
    130: interrupted.
    """
    as_json = "--json" in argv
    try:
        code = application(argv[0] if argv else None)(args=list(argv), prog_name="dz", standalone_mode=False)
    except TyperException as error:
        output.usage(error, as_json=as_json)
        return error.exit_code
    except typer.Abort:
        return 130
    except Exception as error:  # noqa: BLE001 - the last place that can word an error
        known = _worded(argv, error)
        if known is None:
            output.unexpected(error, as_json=as_json)
            return 2
        output.report(known, as_json=as_json)
        return 1
    return code if isinstance(code, int) else 0


def application(word: str | None = None) -> typer.Typer:
    """Return the app with the command `word`, or with all commands if there is none of that name."""
    app = typer.Typer(
        name="dz",
        no_args_is_help=True,
        pretty_exceptions_enable=False,
        add_completion=False,
        context_settings={"help_option_names": ["-h", "--help"]},
    )
    app.callback()(about)
    modules = [COMMANDS[word]] if word in COMMANDS else list(dict.fromkeys(COMMANDS.values()))
    for module in modules:
        importlib.import_module(module).register(app)
    order = [name for group in PANELS.values() for name in group]
    panels = {name: panel for panel, group in PANELS.items() for name in group}
    app.registered_commands.sort(key=lambda one: order.index(one.name) if one.name in order else len(order))
    for command in app.registered_commands:
        command.rich_help_panel = panels.get(command.name or "", "More")
    return app


def about(
    version: Annotated[
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Show the version and exit.")
    ] = False,
) -> None:
    """DjangoZoom: a git URL goes in, a live Django site comes out."""


def _worded(argv: Sequence[str], error: Exception) -> DzError | None:
    """Return an error as a person can act on it; None if nobody foresaw it.

    Whatever fails while the local stack is down, and is not the owner's own mistake, fails for that reason.
    """
    if isinstance(error, ValidationError | SettingsError):
        return _wrong_value(error)
    if isinstance(error, OwnerError):
        return error
    if argv and argv[0] in COMMANDS and argv[0] not in WITHOUT_STACK and (down := _stack_down()):
        return down
    return error if isinstance(error, DzError) else None


def _stack_down() -> StackDown | None:
    try:
        place = importlib.import_module("infra.local.stack").down_in()
    except Exception:  # noqa: BLE001 - the first error is the one to report
        return None
    return StackDown(f"The local stack in {place} does not run.", "Start it: `dz up`.") if place else None


def _wrong_value(error: ValidationError | SettingsError) -> DzError:
    """Return what to say of values that are refused before anything is done with them."""
    if isinstance(error, SettingsError):
        field = re.search(r'"(\w+)"', str(error))
        name = f"DZ_{field[1].upper()}" if field else "A setting"
        return InvalidSetting(f"{name} is not JSON, which its kind needs.", _CORRECT)
    wrong = error.errors(include_url=False, include_input=False)
    prefix = "DZ_" if error.title == "Settings" else ""
    where = [".".join(map(str, one["loc"])) for one in wrong]
    names = [f"{prefix}{name.upper()}" if prefix else name for name in where]
    said = "; ".join(
        f"{name}: {one['msg'].removeprefix('Value error, ')}" for name, one in zip(names, wrong, strict=True)
    )
    if prefix:
        return InvalidSetting(f"{said}.", _CORRECT)
    return InvalidName(f"{said}.", "Correct what was given; nothing was started.")
