"""`dz variables PROJECT`: a site's environment variables; values go in and are never shown."""

from typing import Annotated

import typer

from dz import names, wiring
from dz.cli import output, typed
from dz.cli.options import AsJson, Files, Variables, given_variables
from dz.tasklib import projects
from dz.tasklib.variables import stored


def register(app: typer.Typer) -> None:
    """Add the command to `app`."""
    app.command("variables")(variables)


def variables(
    project: Annotated[str, typer.Argument(help="Name of a project.")],
    values: Variables = None,
    in_files: Files = None,
    ask: Annotated[
        list[str] | None,
        typer.Option(
            "--ask",
            metavar="NAME",
            help="Type or paste the value, unseen; or give it on stdin: the whole of it for one name, a line each for several.",
        ),
    ] = None,
    unset: Annotated[list[str] | None, typer.Option("--unset", metavar="NAME", help="Remove it. Repeatable.")] = None,
    as_json: AsJson = False,
) -> None:
    """Set variables of a site, stored encrypted, and list their names; the next deploy carries them."""
    zoomdb = wiring.zoomdb()
    known = projects.find(zoomdb, project).id
    given = given_variables(values, in_files) | typed.hidden([names.variable(name) for name in ask or []])
    stored.put(zoomdb, known, given)
    stored.remove(zoomdb, known, unset or [])
    found = list(stored.of_project(zoomdb, known))
    if as_json:
        output.print_json({"project": project, "variables": found})
    else:
        output.print_table(("variable",), [(name,) for name in found])
