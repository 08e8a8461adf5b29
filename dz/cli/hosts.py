"""`dz host PROJECT NAME`: host names of a project or of one version of it."""

from typing import Annotated

import typer

from dz import names, wiring
from dz.cli import runs
from dz.cli.deploy import print_result
from dz.cli.options import AsJson, Local
from dz.tasklib import projects
from dz.tasklib.jobs import log
from dz.zoomdb.states import JobKind
from tasks.parameters import HostRequest


def register(app: typer.Typer) -> None:
    """Add the command to `app`."""
    app.command("host")(host)


def host(
    project: Annotated[str, typer.Argument(help="Name of a project.")],
    name: Annotated[str, typer.Argument(help="For example www.example.org.")],
    version: Annotated[int | None, typer.Option(min=1, help="Show always this version; default: the current.")] = None,
    as_json: AsJson = False,
    local: Local = False,
) -> None:
    """Give a project, or one version of it, a host name."""
    zoomdb = wiring.zoomdb()
    known = projects.find(zoomdb, project)
    request = HostRequest(project=known.name, host=names.hostname(name), version=version)
    job = runs.run(JobKind.PUBLISH, request, local=local, project_id=known.id)
    print_result(job, log.lines(zoomdb, job.id), as_json=as_json)
