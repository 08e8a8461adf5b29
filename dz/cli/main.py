"""The Typer app `dz`: loads the command that was asked for, and reports its errors."""

import importlib
from collections.abc import Sequence

import typer
from typer.exceptions import TyperException

from dz.cli import output
from dz.errors import DzError

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
    "projects": "dz.cli.projects",
    "versions": "dz.cli.projects",
    "servers": "dz.cli.servers",
    "up": "dz.cli.stack",
    "down": "dz.cli.stack",
    "status": "dz.cli.stack",
}
"""Each command and the module that registers it; only what was asked for is loaded, so that `dz` starts quickly."""


def run(argv: Sequence[str]) -> int:
    """Run `dz` with these arguments and return its exit code.

    0: done. 1: somebody must act, the text says who and how. 2: wrong arguments, or an unforeseen error.
    130: interrupted.
    """
    as_json = "--json" in argv
    try:
        code = application(argv[0] if argv else None)(args=list(argv), prog_name="dz", standalone_mode=False)
    except DzError as error:
        output.report(error, as_json=as_json)
        return 1
    except TyperException as error:
        output.usage(error, as_json=as_json)
        return error.exit_code
    except typer.Abort:
        return 130
    except Exception as error:  # noqa: BLE001 - the last place that can word an error
        output.unexpected(error, as_json=as_json)
        return 2
    return code if isinstance(code, int) else 0


def application(word: str | None = None) -> typer.Typer:
    """Return the app with the command `word`, or with all commands if there is none of that name."""
    app = typer.Typer(name="dz", no_args_is_help=True, pretty_exceptions_enable=False, add_completion=False)
    app.callback()(about)
    modules = [COMMANDS[word]] if word in COMMANDS else list(dict.fromkeys(COMMANDS.values()))
    for module in modules:
        importlib.import_module(module).register(app)
    return app


def about() -> None:
    """DjangoZoom: a git URL goes in, a live Django site comes out."""
