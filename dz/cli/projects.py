"""`dz projects` and `dz versions PROJECT`."""

import datetime as dt
from typing import Annotated

import typer

from dz import wiring
from dz.cli import output
from dz.cli.options import AsJson
from dz.tasklib import projects
from dz.tasklib.releases import releases


def register(app: typer.Typer) -> None:
    """Add the commands to `app`."""
    app.command("projects")(list_projects)
    app.command("versions")(list_versions)


def list_projects(as_json: AsJson = False) -> None:
    """List all projects."""
    found = projects.listed(wiring.zoomdb())
    if as_json:
        output.print_json({"projects": [vars(project) for project in found]})
        return
    rows = [(p.name, p.title, p.version, p.sysid, p.source_url, p.ref) for p in found]
    output.print_table(("project", "title", "version", "sysid", "source", "ref"), rows)


def list_versions(
    project: Annotated[str, typer.Argument(help="Name of a project.")],
    as_json: AsJson = False,
) -> None:
    """List the versions of a project, newest first; `dz rollback` goes back to one of them."""
    zoomdb = wiring.zoomdb()
    found = releases.listed(zoomdb, projects.find(zoomdb, project).id)
    if as_json:
        output.print_json({"project": project, "versions": [vars(release) for release in found]})
        return
    rows = [
        (
            f"{release.number}{' *' if release.current else ''}",
            output.local_time(dt.datetime.fromisoformat(release.created)),
            release.commit[:10],
            release.message,
            ", ".join(f"{server}:{port} {state}" for server, port, state in release.deployments),
        )
        for release in found
    ]
    output.print_table(("version", "made", "commit", "message", "app instances"), rows)
