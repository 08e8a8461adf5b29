"""What `dz` writes: results on stdout, all else on stderr."""

import datetime as dt
import json
import os
import sys
import tempfile
import traceback
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text
from typer.exceptions import TyperException

from dz.errors import DzError
from dz.settings import settings
from dz.text import printable


def console(*, stderr: bool = True) -> Console:
    """Return a console on the current stdout or stderr; text from outside is never read as markup."""
    stream = sys.stderr if stderr else sys.stdout
    # A program that reads a table gets it whole; only a terminal has a width.
    width = None if stream.isatty() else 500
    return Console(stderr=stderr, markup=False, highlight=False, soft_wrap=True, width=width)


def note(text: str) -> None:
    """Write a line for people, on stderr."""
    console().print(printable(text))


def print_json(value: Any) -> None:
    """Write one JSON object on stdout."""
    sys.stdout.write(json.dumps(value, indent=2, default=_json) + "\n")
    sys.stdout.flush()


def print_table(columns: Sequence[str], rows: Sequence[Sequence[object]], *, stderr: bool = False) -> None:
    """Write a table on stdout; on stderr if it only leads to a question."""
    table = Table(*columns, box=None, pad_edge=False, header_style="bold")
    for row in rows:
        table.add_row(*(Text(printable("" if cell is None else str(cell))) for cell in row))
    console(stderr=stderr).print(table)


def local_time(moment: dt.datetime | None) -> str:
    """Return a time of zoomdb (UTC) as this machine's clock shows it."""
    return moment.astimezone().strftime("%Y-%m-%d %H:%M:%S") if moment else ""


def report(error: DzError, *, as_json: bool) -> None:
    """Write an error that a person can act on: headline, what was found, what to do."""
    if as_json:
        found = {"code": error.code, "actor": error.actor, "found": error.found, "remedy": error.remedy}
        print_json({"error": found})
        return
    out = console()
    out.print(Text(f"Error: {error.code}", style="bold red"))
    out.print(printable(f"  What was found: {error.found}"))
    out.print(printable(f"  What to do ({error.actor}): {error.remedy}"))


def usage(error: TyperException, *, as_json: bool) -> None:
    """Write what is wrong with the arguments."""
    show = getattr(error, "show", None)
    if show and not as_json:
        show()
        return
    remedy = "See `dz --help`, or `dz COMMAND --help`."
    found = {"code": "WrongArguments", "actor": "operator", "found": error.format_message(), "remedy": remedy}
    print_json({"error": found})


def unexpected(error: Exception, *, as_json: bool) -> None:
    """Report an unforeseen error, and keep its traceback in a file."""
    path = _keep_traceback(error)
    found = f"An error that DjangoZoom does not know: {type(error).__name__}. The traceback is in {path}."
    remedy = "Try again; if it comes again, report it with that file."
    if as_json:
        print_json({"error": {"code": "Unexpected", "actor": "operator", "found": found, "remedy": remedy}})
    else:
        note(f"{found}\n  What to do: {remedy}")


def _keep_traceback(error: Exception) -> Path:
    text = "".join(traceback.format_exception(error))
    try:
        logs = settings().state_dir / "logs"
        folder = logs if logs.is_dir() and os.access(logs, os.W_OK) else None
    except ValueError:  # the settings themselves cannot be read
        folder = None
    descriptor, name = tempfile.mkstemp(prefix="dz-error-", suffix=".log", dir=folder)
    with os.fdopen(descriptor, "w") as file:
        file.write(text)
    return Path(name)


def _json(value: object) -> str:
    return value.isoformat() if isinstance(value, dt.datetime) else str(value)
