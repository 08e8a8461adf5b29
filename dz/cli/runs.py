"""Starts flows, on workers or in this process, and follows their jobs."""

import contextlib
import importlib
import os
import pwd
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from uuid import UUID

import httpx
import typer
from pydantic import BaseModel

from dz import prefect_environment, wiring
from dz.cli import output
from dz.cli.progress import Feed, shown
from dz.errors import DzError, ServiceUnavailable, StackProblem, Unexpected, from_record
from dz.settings import settings
from dz.tasklib import projects
from dz.tasklib.jobs import endings, jobs, log
from dz.tasklib.jobs.jobs import JobView
from dz.tasklib.jobs.log import LogLine
from dz.tasklib.launches import launches
from dz.tasklib.messages import wakeups
from dz.tasklib.servers import servers
from dz.zoomdb import Zoomdb
from dz.zoomdb.states import JobKind, JobState

FLOWS = {
    JobKind.CHECK_REPO: ("check_repo", "source"),
    JobKind.BUILD_AND_DEPLOY: ("build_and_deploy", "request"),
    JobKind.ROLLBACK: ("rollback", "request"),
    JobKind.PUBLISH: ("publish_host", "request"),
    JobKind.LAUNCH: ("launch", "request"),
}
"""The flow that executes each kind of job, and the name of its parameter."""
POLL = 0.3
PATIENCE = 60.0
"""Seconds that a job may wait for a worker before we look for the reason."""
OUTAGE = 30.0
"""Seconds without zoomdb after which following a job is given up."""


def run(
    kind: JobKind, request: BaseModel, *, local: bool = False, project_id: int | None = None, key: str | None = None
) -> JobView:
    """Open a job, have its flow run, show its progress, and return it when it has succeeded.

    Args:
        key: whoever asks again with the same key follows the job of the first time.

    Raises:
        DzError: what made the job fail, as its row in zoomdb says.
    """
    if not local:
        return succeeded(follow(wiring.zoomdb(), start(kind, request, project_id=project_id, key=key)))
    _become_local()
    zoomdb, job_id = _open(kind, request, project_id, key)
    with _never_started(zoomdb, job_id):
        return succeeded(_run_here(zoomdb, kind, request, job_id))


def start(kind: JobKind, request: BaseModel, *, project_id: int | None = None, key: str | None = None) -> int:
    """Open a job, have a worker run its flow, and return its id at once; see `run`."""
    zoomdb, job_id = _open(kind, request, project_id, key)
    with _never_started(zoomdb, job_id):
        _send(kind, request.model_dump(mode="json"), job_id)
    return job_id


def cancel(zoomdb: Zoomdb, job_id: int) -> None:
    """Cancel a job; its flow run is cancelled in Prefect, too, as soon as that answers.

    Raises:
        TooLate: users see what it has made, or it has ended.
    """
    endings.cancel(zoomdb, job_id, by=_asked_by())
    job = jobs.get(zoomdb, job_id)
    if job is None or job.flow_run_id is None or not settings().prefect_api_url:
        return
    prefect_environment.prepare()
    orchestration = importlib.import_module("prefect.client.orchestration")
    states = importlib.import_module("prefect.states")
    # Otherwise the servers end the run, and its state says that its process was killed.
    with contextlib.suppress(Exception), orchestration.get_client(sync_client=True) as client:
        client.set_flow_run_state(UUID(job.flow_run_id), states.Cancelling(message=f"Cancelled by {_asked_by()}."))


def _open(kind: JobKind, request: BaseModel, project_id: int | None, key: str | None) -> tuple[Zoomdb, int]:
    prefect_environment.prepare()
    zoomdb, params = wiring.zoomdb(), request.model_dump(mode="json")
    once = f"key:{key}" if key else None
    return zoomdb, jobs.open_job(
        zoomdb, kind, params=params, project_id=project_id, requested_by=_asked_by(), idempotency_key=once
    )


def _asked_by() -> str:
    return f"cli:{_person()}"[:100]


def _person() -> str:
    """Return the Unix user of this process, and who has logged in if that is somebody else (sudo)."""
    try:
        user = pwd.getpwuid(os.geteuid()).pw_name
    except KeyError:  # some containers
        user = str(os.geteuid())
    try:
        login = os.getlogin()
    except OSError:  # no terminal
        login = user
    return user if login == user else f"{login} as {user}"


def _is_over(job: JobView) -> bool:
    return job.finished


def follow(zoomdb: Zoomdb, job_id: int, until: Callable[[JobView], bool] = _is_over) -> JobView:
    """Show a job until it is over and return it; Ctrl-C stops showing it, not the job.

    Args:
        until: says whether to stop showing a job.
    """
    try:
        with shown(f"job {job_id}", output.console()) as feed:
            return _watch(zoomdb, job_id, feed, threading.Event(), until)
    except KeyboardInterrupt:
        output.note(f"Job {job_id} goes on on the servers. `dz job {job_id} --follow` shows it again.")
        raise typer.Exit(130) from None


def succeeded(job: JobView) -> JobView:
    """Return the job, or raise what made it fail."""
    if job.failure:
        raise from_record(job.failure)
    if job.state != JobState.SUCCEEDED:
        raise Unexpected(f"Job {job.id} is {job.state}.", f"`dz job {job.id}` shows its log.")
    return job


def steps(zoomdb: Zoomdb, job_id: int) -> dict[str, float]:
    """Return how many seconds each step of a job took."""
    return log.step_seconds(log.lines(zoomdb, job_id))


def _become_local() -> None:
    os.environ["DZ_LOCAL_MODE"] = "1"
    # Without a server, Prefect starts one of its own inside this process.
    os.environ.setdefault("PREFECT_SERVER_ALLOW_EPHEMERAL_MODE", "false" if settings().prefect_api_url else "true")
    # The job's own log is shown; Prefect's lines would be mixed into it.
    os.environ.setdefault("PREFECT_LOGGING_HANDLERS_CONSOLE_LEVEL", "CRITICAL")
    settings.cache_clear()


@contextlib.contextmanager
def _never_started(zoomdb: Zoomdb, job_id: int) -> Iterator[None]:
    """Mark a job as failed if its run could not even be started."""
    try:
        yield
    except DzError as error:
        job = jobs.get(zoomdb, job_id)
        if job and job.state == JobState.PENDING:
            with contextlib.suppress(DzError), jobs.running(zoomdb, job_id, f"never-started-{job_id}"):
                raise
        raise error from error.__cause__


def _send(kind: JobKind, params: dict[str, Any], job_id: int) -> None:
    url = settings().prefect_api_url
    if not url:
        raise StackProblem(
            "No Prefect server is known here.",
            "Start the local stack with `dz up`, or name a server with DZ_PREFECT_API_URL; `--local` needs none.",
        )
    flow, parameter = FLOWS[kind]
    name = flow.replace("_", "-")
    prefect = importlib.import_module("prefect.deployments")
    exceptions = importlib.import_module("prefect.exceptions")
    try:
        run = prefect.run_deployment(
            f"{name}/{name}",
            parameters={parameter: params, "job": job_id},
            timeout=0,
            as_subflow=False,
            # A job whose run was sent already gets no other.
            idempotency_key=f"job-{job_id}",
        )
        jobs.sent(wiring.zoomdb(), job_id, str(run.id))
        wakeups.work_sent(wiring.zoomdb(), run.work_pool_name, run.work_queue_name)
    except exceptions.ObjectNotFound as error:
        raise StackProblem(
            f"The Prefect server at {url} has no deployment {name}/{name}.",
            "Roll the deployments out: `python -m deployments.rollout` (`dz up` does it on the local stack).",
        ) from error
    except (httpx.HTTPError, RuntimeError, OSError) as error:
        raise ServiceUnavailable(
            f"The Prefect server at {url} does not answer as it should ({type(error).__name__}).",
            "`dz status` shows the local stack; check the address and the authentication of Prefect.",
        ) from error


def _run_here(zoomdb: Zoomdb, kind: JobKind, request: BaseModel, job_id: int) -> JobView:
    name, parameter = FLOWS[kind]
    flow = getattr(importlib.import_module(f"flows.{name}"), name)
    finished = threading.Event()
    with shown(f"job {job_id}, in this process", output.console()) as feed, ThreadPoolExecutor(1) as threads:
        watching = threads.submit(_watch, zoomdb, job_id, feed, finished)
        try:
            with prefect_environment.without_heartbeats():
                state = flow(**{parameter: request}, job=job_id, return_state=True)
        except KeyboardInterrupt:
            output.note(f"Job {job_id} was ended{_still_served(zoomdb, job_id)}.")
            raise typer.Exit(130) from None
        finally:
            finished.set()
        job = watching.result()
    if not job.finished:
        state.result()  # raises what kept the flow from beginning its job
    return job


def _still_served(zoomdb: Zoomdb, job_id: int) -> str:
    """Say that users still see the version of before, if they saw one."""
    job = jobs.get(zoomdb, job_id)
    seen = job and job.project and projects.find(zoomdb, job.project).version
    return f"; users still see version {seen}" if seen else ""


def _watch(
    zoomdb: Zoomdb, job_id: int, feed: Feed, stop: threading.Event, until: Callable[[JobView], bool] = _is_over
) -> JobView:
    seen, begun = 0, time.monotonic()
    heard = asked = begun
    while True:
        stopping = stop.is_set()
        try:
            job, lines = _look(zoomdb, job_id, seen)
        except ServiceUnavailable:
            # The job itself may survive a short outage, so we do, too.
            if stopping or time.monotonic() - heard > OUTAGE:
                raise
            stop.wait(1)
            continue
        feed(lines)
        seen, heard = lines[-1].id if lines else seen, time.monotonic()
        if job.finished or stopping or until(job):
            return job
        if heard - asked > PATIENCE / 4 and not settings().local_mode:
            asked = heard
            _look_for_trouble(zoomdb, job, asked - begun)
        stop.wait(POLL)


def _look(zoomdb: Zoomdb, job_id: int, seen: int) -> tuple[JobView, Sequence[LogLine]]:
    job = jobs.get(zoomdb, job_id)
    if job is None:
        raise StackProblem(f"There is no job {job_id}.", "`dz jobs` lists the newest jobs.")
    parts = launches.parts(zoomdb, job_id) if job.kind == JobKind.LAUNCH else ()
    return job, log.lines(zoomdb, job_id, *parts, after=seen)


def _look_for_trouble(zoomdb: Zoomdb, job: JobView, waited: float) -> None:
    """Notice a run that was killed, and a pool without workers."""
    if job.state == JobState.RUNNING:
        endings.reap(zoomdb)
    elif waited > PATIENCE:
        servers.refuse_silent_role(zoomdb, "build")
