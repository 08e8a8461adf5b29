"""`dz launch URL`: check a repository, confirm or correct what was guessed, and go live."""

import functools
import importlib
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any
from uuid import UUID

import httpx
import typer

from dz import names, prefect_environment, wiring
from dz.cli import confirmation, questions, runs
from dz.cli.deploy import print_result, read_config
from dz.cli.options import AsJson, ChosenData, Files, Local, Ref, Variables, given_variables
from dz.errors import ConfirmationMissing, ServiceUnavailable, StackProblem
from dz.settings import settings
from dz.tasklib import projects
from dz.tasklib.configuration import zoombuild
from dz.tasklib.jobs import jobs, log
from dz.tasklib.jobs.jobs import JobView
from dz.tasklib.launches import findings, launches
from dz.tasklib.launches.launches import LaunchView
from dz.tasklib.messages import wakeups
from dz.tasklib.variables import stored
from dz.text import printable
from dz.zoomdb import Zoomdb
from dz.zoomdb.states import JobKind, JobState
from tasks.parameters import LaunchRequest, Source

WORK = ("build", "check")
"""Pool and queue of launches, for the message that saves waiting for a worker's next poll."""


def register(app: typer.Typer) -> None:
    """Add the command to `app`."""
    app.command("launch")(launch)


def launch(
    url: Annotated[str | None, typer.Argument(help="A git URL.")] = None,
    *,
    ref: Ref = None,
    name: Annotated[str | None, typer.Option(help="The project's name.")] = None,
    config: Annotated[Path | None, typer.Option(help="A zoombuild.cfg to begin with.")] = None,
    values: Variables = None,
    in_files: Files = None,
    with_data: ChosenData = None,
    yes: Annotated[
        bool, typer.Option("--yes", help="Ask nothing that is clear, and say yes to what is offered.")
    ] = False,
    resume: Annotated[
        int | None, typer.Option("--resume", metavar="JOB", min=1, help="Answer the form of a launch that waits.")
    ] = None,
    check: Annotated[
        int | None,
        typer.Option(
            "--check", metavar="JOB", min=1, help="Go on from a finished `dz check`; nothing is checked again."
        ),
    ] = None,
    as_json: AsJson = False,
    local: Local = False,
) -> None:
    """Check a repository, show what was guessed, let you correct it, and build and deploy just that.

    The form waits in the Prefect UI, too: it can be answered here or there.
    """
    zoomdb, variables = wiring.zoomdb(), given_variables(values, in_files)
    if [url, resume, check].count(None) != 2:
        raise typer.BadParameter("Give a git URL, --check JOB or --resume JOB.")
    if resume:
        job_id = resume
        _set(zoomdb, jobs.get(zoomdb, job_id), variables)
    else:
        text = read_config(config) if config else None
        text = text if with_data is None else zoombuild.changed(text, copy_data="yes" if with_data else "no")
        source = _checked(zoomdb, check) if check else _source(url or "", ref)
        request = LaunchRequest(url=source.url, ref=source.ref, check=check, project=name, config=text, straight_on=yes)
        _prepare(zoomdb, request, variables)
        kind = JobKind.LAUNCH
        job_id = runs.run(kind, request, local=True).id if local else runs.start(kind, request)
    chosen = {"copy_data": with_data} if resume and with_data is not None else {}
    ask, yes = questions.can_ask(as_json=as_json), yes and resume is not None
    job = _through_forms(zoomdb, job_id, ask=ask, yes=yes, chosen=chosen)
    print_result(job, log.lines(zoomdb, *launches.parts(zoomdb, job.id)), as_json=as_json)


def _prepare(zoomdb: Zoomdb, request: LaunchRequest, variables: Mapping[str, str]) -> None:
    """Refuse what cannot be launched before anything is stored; variables need a project to belong to."""
    if request.ref:
        names.git_ref(request.ref)
    if request.project:
        names.project_name(request.project)
    if variables:
        project = findings.project_of(zoomdb, name=request.project, url=request.url, ref=request.ref)
        stored.put(zoomdb, project.id, variables)


def _source(url: str, ref: str | None) -> Source:
    """Return what a person names, or refuse a URL that may not be fetched."""
    source = Source(url=url, ref=ref)
    wiring.git().source(url)
    return source


def _checked(zoomdb: Zoomdb, check: int) -> Source:
    """Return what a check has looked at."""
    job = jobs.get(zoomdb, check)
    if job is None or job.kind != JobKind.CHECK_REPO:
        raise StackProblem(
            f"Job {check} is no check.", "`dz jobs` lists the newest jobs, `dz check URL` makes a check."
        )
    return Source.model_validate(job.params)


def _set(zoomdb: Zoomdb, job: JobView | None, variables: Mapping[str, str]) -> None:
    if job is None or job.kind != JobKind.LAUNCH:
        raise StackProblem("There is no launch of that number.", "`dz jobs` lists the newest jobs.")
    if variables and job.project:
        stored.put(zoomdb, projects.find(zoomdb, job.project).id, variables)


def _through_forms(zoomdb: Zoomdb, job_id: int, *, ask: bool, yes: bool, chosen: Mapping[str, bool]) -> JobView:
    """Follow a launch to its end, answering each form that it shows; what was chosen beforehand holds in each."""
    answered = 0
    while True:
        job = runs.follow(zoomdb, job_id, functools.partial(_waits, answered))
        if job.finished:
            return runs.succeeded(job)
        view = launches.get(zoomdb, job_id)
        confirm = confirmation.asked if ask else functools.partial(_unasked, yes=yes and not answered)
        send(job, view, {**confirm(zoomdb, job, view), **chosen})
        answered = view.form


def _waits(answered: int, job: JobView) -> bool:
    """Say whether a launch waits at a form that was not answered yet."""
    return job.state == JobState.WAITING and job.result.get("form", 0) > answered


def _unasked(zoomdb: Zoomdb, job: JobView, view: LaunchView, *, yes: bool) -> dict[str, Any]:
    """Return the form, with a yes to what it offers, if `--yes` allows it and nothing is missing; else say what to do."""
    known = stored.of_project(zoomdb, projects.find(zoomdb, job.project or "").id)
    missing = confirmation.missing(job, known)
    if yes and not missing:
        accepted = {"copy_data": True} if job.result.get("offers_rows") else {}
        return {**confirmation.shown(view), **accepted}
    said = " ".join(dict.fromkeys([*view.problems, *job.result["reasons"]]))
    options = "".join(f" --set {one['name']}=VALUE" for one in missing if not one["secret"])
    # A secret on a command line would stay in the shell's history.
    typed = "".join(f" --ask {one['name']}" for one in missing if one["secret"])
    first = f"Give its secrets first: `dz variables {job.project}{typed}`. " if typed else ""
    raise ConfirmationMissing(
        f"The form of job {job.id} waits for an answer, and nobody can be asked here. {said}".strip(),
        f"{first}Answer it at {settings().prefect_ui_url}/runs/flow-run/{view.flow_run_id}, or with `dz launch --resume "
        f"{job.id}` at a terminal; `dz launch --resume {job.id} --yes{options}` takes it as it is.",
    )


def send(job: JobView, view: LaunchView, answer: Mapping[str, Any]) -> None:
    """Resume the run of a launch with an answer; the flow itself judges it, and shows the form again if need be.

    Raises:
        ConfirmationMissing: Prefect refuses it: another answer came first, or its time is over.
        ServiceUnavailable: Prefect's server does not answer.
    """
    prefect_environment.prepare()
    orchestration = importlib.import_module("prefect.client.orchestration")
    try:
        with orchestration.get_client(sync_client=True) as client:
            _wait_until_suspended(client, view)
            result = client.resume_flow_run(UUID(view.flow_run_id), run_input=dict(answer))
    except (httpx.HTTPError, OSError) as error:
        raise ServiceUnavailable(
            f"Prefect's server does not answer as it should ({type(error).__name__}).",
            f"`dz status` shows the local stack; then run `dz launch --resume {job.id}`.",
        ) from error
    wakeups.work_sent(wiring.zoomdb(), *WORK)
    if result.status.value != "ACCEPT":
        reason = getattr(result.details, "reason", "") or result.status.value
        raise ConfirmationMissing(
            f"The answer to the form of job {job.id} was not taken: {printable(str(reason))[:500]}",
            f"Correct it: `dz launch --resume {job.id}`.",
        )


def _wait_until_suspended(client: Any, view: LaunchView) -> None:
    """Wait until the run is suspended, a moment after it has stored its form."""
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        state = client.read_flow_run(UUID(view.flow_run_id)).state
        if state and (state.is_paused() or state.is_final()):
            return
        time.sleep(0.3)
