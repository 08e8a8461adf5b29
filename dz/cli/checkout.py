"""`dz test` and `dz bench`: what a developer asks of this checkout."""

import os
import sys

import typer

_PASSED_ON = {"allow_extra_args": True, "ignore_unknown_options": True}


def register(app: typer.Typer) -> None:
    """Add the commands to `app`."""
    app.command("test", context_settings=_PASSED_ON)(test)
    app.command("bench", context_settings=_PASSED_ON)(bench)


def test(context: typer.Context) -> None:
    """Run the linters and the tests, all of them or those of the given folders."""
    _become("infra.checks", context.args)


def bench(context: typer.Context) -> None:
    """Measure deploys beside a script written by hand; `dz bench -- --help` lists what can be measured."""
    _become("bench", context.args)


def _become(module: str, words: list[str]) -> None:
    """Go on as a module of this checkout."""
    os.execv(sys.executable, [sys.executable, "-m", module, *words])  # noqa: S606 - no shell, and nothing of others
