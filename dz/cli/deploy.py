"""`dz deploy PROJECT|URL`."""

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from dz import names, wiring
from dz.cli import output, runs
from dz.cli.options import AsJson, Files, Local, Ref, Variables, WithData, given_variables
from dz.errors import InvalidConfig
from dz.tasklib import projects
from dz.tasklib.appservers import answers
from dz.tasklib.configuration import zoombuild
from dz.tasklib.jobs import jobs, log
from dz.tasklib.jobs.log import LogLine
from dz.tasklib.variables import stored
from dz.text import printable
from dz.zoomdb.states import JobKind
from tasks.parameters import DeployRequest

CONFIG_BYTES = 65536


def register(app: typer.Typer) -> None:
    """Add the command to `app`."""
    app.command("deploy")(deploy)


def deploy(
    target: Annotated[str, typer.Argument(metavar="PROJECT|URL", help="A known project, or a git URL.")],
    *,
    ref: Ref = None,
    name: Annotated[str | None, typer.Option(help="The project's name, if the URL is new.")] = None,
    config: Annotated[Path | None, typer.Option(help="A zoombuild.cfg to use; it wins over the repository's.")] = None,
    values: Variables = None,
    in_files: Files = None,
    with_data: WithData = False,
    rebuild: Annotated[bool, typer.Option(help="Make a new version even if nothing has changed.")] = False,
    key: Annotated[
        str | None, typer.Option(help="Whoever asks again with the same key, such as a commit, gets the same job.")
    ] = None,
    as_json: AsJson = False,
    local: Local = False,
) -> None:
    """Build a project and put it live; the old version serves until the new one is proved healthy."""
    variables = given_variables(values, in_files)
    if ref:
        names.git_ref(ref)
    text = read_config(config) if config else None
    text = zoombuild.changed(text, copy_data="yes") if with_data else text
    known = names.PROJECT_NAME.fullmatch(target) is not None
    if not known:
        # Refused here, before a URL that may hold a password is stored as a parameter.
        wiring.git().source(target)
    request = DeployRequest(
        project=target if known else name, url=None if known else target, ref=ref, config=text, rebuild=rebuild
    )
    zoomdb = wiring.zoomdb()
    if known or variables:
        # A known project is looked up before a job is made; variables need a project to belong to.
        project = projects.ensure(zoomdb, name=request.project, url=request.url, ref=ref)
        stored.put(zoomdb, project.id, variables)
        request = request.model_copy(update={"project": project.name})
    job = runs.run(JobKind.BUILD_AND_DEPLOY, request, local=local, key=key)
    print_result(job, log.lines(zoomdb, job.id), as_json=as_json)


def print_result(job: jobs.JobView, lines: Sequence[LogLine], *, as_json: bool) -> None:
    """Print the result of a job that changed what users see; what it warned of was shown when it came."""
    steps = log.step_seconds(lines)
    if as_json:
        found = {"job": job.id, "project": job.project, **job.result}
        output.print_json({**found, "steps": steps, "warnings": log.warnings(lines)})
        return
    for step, seconds in steps.items():
        output.note(f"  {seconds:6.1f} s  {step}")
    if job.result.get("unchanged"):
        output.note(
            f"Nothing has changed since version {job.result.get('version')}, which serves; --rebuild makes a new one."
        )
    if said := answers.sentence(job.result.get("answers") or []):
        output.note(f"The site is live. {said}")
    if url := job.result.get("url"):
        output.console(stderr=False).print(printable(str(url)))


def read_config(path: Path) -> str:
    """Return the text of a zoombuild.cfg that a person names; raises InvalidConfig if it cannot be one."""
    try:
        with path.open("rb") as stream:
            data = stream.read(CONFIG_BYTES + 1)
        if len(data) > CONFIG_BYTES:
            raise InvalidConfig(f"{path} is larger than {CONFIG_BYTES} bytes.", "Give the path of a zoombuild.cfg.")
        text = data.decode("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidConfig(
            f"{path} cannot be read as a text in UTF-8.", "Give the path of a zoombuild.cfg."
        ) from error
    if "\0" in text:
        raise InvalidConfig(f"{path} has a NUL character.", "Give the path of a zoombuild.cfg.")
    return text
