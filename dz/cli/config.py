"""`dz config PROJECT`: the confirmed configuration of a project, as a zoombuild.cfg."""

import sys
from typing import Annotated

import typer

from dz import wiring
from dz.cli import output
from dz.cli.options import AsJson
from dz.errors import UnknownVersion
from dz.tasklib import projects
from dz.tasklib.configuration import confirmed


def register(app: typer.Typer) -> None:
    """Add the command to `app`."""
    app.command("config")(config)


def config(
    project: Annotated[str, typer.Argument(help="Name of a project.")],
    version: Annotated[
        int | None, typer.Option("--version", min=1, help="Which configuration; default: the newest.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Write a project's configuration as a zoombuild.cfg that `dz deploy --config` and a repository accept.

    Each configuration that was confirmed or attached and proved to build is kept under a number of its own. A project
    that has none yet shows what its serving version was built from.
    """
    zoomdb = wiring.zoomdb()
    known = projects.find(zoomdb, project).id
    text = confirmed.newest(zoomdb, known, number=version)
    versions = confirmed.versions(zoomdb, known)
    if text is None and version is None:
        text = confirmed.served(zoomdb, known)
    if text is None:
        kept = ", ".join(str(number) for number, _ in versions) or "none"
        raise UnknownVersion(
            f"The project {project} has no such configuration; kept are: {kept}.", "Deploy it first, or name a number."
        )
    if as_json:
        kept_since = [{"version": number, "stored": stored} for number, stored in versions]
        output.print_json({"project": project, "version": version, "config": text, "versions": kept_since})
        return
    sys.stdout.write(text)
