"""`dz variables PROJECT`: a site's environment variables; values go in and are never shown."""

import sys
from typing import Annotated

import typer

from dz import names, wiring
from dz.cli import output
from dz.cli.options import AsJson, Variables, given_variables
from dz.errors import MissingEnvironment
from dz.tasklib import projects
from dz.tasklib.variables import stored


def register(app: typer.Typer) -> None:
    """Add the command to `app`."""
    app.command("variables")(variables)


def variables(
    project: Annotated[str, typer.Argument(help="Name of a project.")],
    values: Variables = None,
    ask: Annotated[
        list[str] | None,
        typer.Option(
            "--ask", metavar="NAME", help="Type the value, unseen; or give it as a line on stdin. Repeatable."
        ),
    ] = None,
    unset: Annotated[list[str] | None, typer.Option("--unset", metavar="NAME", help="Remove it. Repeatable.")] = None,
    as_json: AsJson = False,
) -> None:
    """Set variables of a site, stored encrypted, and list their names; the next deploy carries them."""
    zoomdb = wiring.zoomdb()
    known = projects.find(zoomdb, project).id
    given = given_variables(values) | {names.variable(name): hidden(name) for name in ask or []}
    stored.put(zoomdb, known, given)
    stored.remove(zoomdb, known, unset or [])
    found = list(stored.of_project(zoomdb, known))
    if as_json:
        output.print_json({"project": project, "variables": found})
    else:
        output.print_table(("variable",), [(name,) for name in found])


def hidden(name: str) -> str:
    """Return a variable's value, typed without echo at a terminal, else read from the next line of stdin."""
    if sys.stdin.isatty():
        return str(typer.prompt(f"Value of {name}", hide_input=True, err=True))
    line = sys.stdin.readline()
    if not line:
        raise MissingEnvironment(f"There is no value for {name} on stdin.", "Give each value on a line of its own.")
    return line.rstrip("\r\n")
