"""`dz rollback PROJECT [VERSION]`."""

from typing import Annotated

import typer

from dz import wiring
from dz.cli import output, runs
from dz.cli.deploy import print_result
from dz.cli.options import AsJson, Local
from dz.tasklib import projects
from dz.tasklib.jobs import log
from dz.zoomdb.states import JobKind
from tasks.parameters import VersionRequest


def register(app: typer.Typer) -> None:
    """Add the command to `app`."""
    app.command("rollback")(rollback)


def rollback(
    project: Annotated[str, typer.Argument(help="Name of a project.")],
    version: Annotated[int | None, typer.Argument(min=1, help="Default: the version before the current one.")] = None,
    yes: Annotated[
        bool, typer.Option("--yes", help="Even if its code does not fit the database as later migrations left it.")
    ] = False,
    as_json: AsJson = False,
    local: Local = False,
) -> None:
    """Show users an earlier version again (the database keeps its state)."""
    zoomdb = wiring.zoomdb()
    known = projects.find(zoomdb, project)
    request = VersionRequest(project=known.name, version=version, accepted=yes)
    job = runs.run(JobKind.ROLLBACK, request, local=local, project_id=known.id)
    print_result(job, log.lines(zoomdb, job.id), as_json=as_json)
    output.note(f"{known.name} is back.")
