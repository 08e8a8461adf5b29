"""`dz projects` and `dz versions PROJECT`."""

import datetime as dt
from typing import Annotated

import typer

from dz import wiring
from dz.cli import output
from dz.cli.options import AsJson
from dz.settings import settings
from dz.tasklib import projects
from dz.tasklib.proxies import sites
from dz.tasklib.releases import releases, serving
from dz.zoomdb import Zoomdb


def register(app: typer.Typer) -> None:
    """Add the commands to `app`."""
    app.command("projects")(list_projects)
    app.command("versions")(list_versions)


def list_projects(as_json: AsJson = False) -> None:
    """List all projects."""
    zoomdb = wiring.zoomdb()
    found, urls = projects.listed(zoomdb), _urls(zoomdb)
    if as_json:
        output.print_json({"projects": [{**vars(p), "url": urls.get(p.release_id or 0)} for p in found]})
        return
    rows = [(p.name, p.version, urls.get(p.release_id or 0), p.title, p.source_url, p.ref, p.sysid) for p in found]
    output.print_table(("project", "version", "url", "title", "source", "ref", "sysid"), rows)


def list_versions(
    project: Annotated[str, typer.Argument(help="Name of a project.")],
    as_json: AsJson = False,
) -> None:
    """List the versions of a project, newest first; `dz rollback` goes back to one of them."""
    zoomdb = wiring.zoomdb()
    known = projects.find(zoomdb, project).id
    seen = serving.ask(zoomdb, known, look=wiring.looker())
    found, urls = releases.listed(zoomdb, known, wrong=seen.wrong if seen else {}), _urls(zoomdb)
    if as_json:
        versions = [{**vars(release), "url": urls.get(release.id)} for release in found]
        asked = seen and {"version": seen.version, "asked": seen.asked, "well": seen.well, "wrong": seen.wrong}
        output.print_json({"project": project, "versions": versions, "serving": asked})
        return
    rows = [
        (
            f"{release.number}{' *' if release.current else ''}",
            output.local_time(dt.datetime.fromisoformat(release.created)),
            urls.get(release.id),
            release.commit[:10],
            release.message,
            ", ".join(f"{server}:{port} {state}" for server, port, state in release.deployments),
        )
        for release in found
    ]
    output.print_table(("version", "made", "url", "commit", "message", "app instances"), rows)
    if seen and not seen.well:
        output.note(f"Version {seen.version} should serve and does not everywhere: {seen.sentence()}.")
        output.note("Servers repair themselves within a minute; `dz status` and `dz jobs` say what they cannot.")


def _urls(zoomdb: Zoomdb) -> dict[int, str]:
    return sites.urls(zoomdb, tls=bool(settings().trusted_proxies))
