"""Infrastructure tags: each task belongs to one role, and refuses to run on a server of another."""

import functools
from collections.abc import Callable
from typing import Any, Concatenate, ParamSpec, TypeVar

from prefect import task
from prefect.cache_policies import NO_CACHE
from prefect.runtime import flow_run
from prefect.tasks import Task

from dz import wiring
from dz.errors import WrongServer
from dz.settings import Role, settings
from dz.tasklib.jobs import log
from tasks import artifacts
from tasks.policy import RETRY_DELAYS, if_transient, without_run

P = ParamSpec("P")
R = TypeVar("R")


def on_role(
    role: Role, *, retries: int = 2, timeout_seconds: int = 1800, outlives_job: bool = False, **options: Any
) -> Callable[[Callable[P, R]], Task[P, R]]:
    """Make a function a task of one role; its first parameter is the job whose log gets the step.

    Args:
        role: where it may run; also its tag `role:<role>`.
        retries: how often a transient error is tried again.
        timeout_seconds: how long it may take.
        outlives_job: it is done even if the job has ended.
        options: further options of a Prefect task.
    """

    def decorate(function: Callable[P, R]) -> Task[P, R]:
        name = function.__name__.replace("_", " ")

        @functools.wraps(function)
        def as_step(*args: P.args, **kwargs: P.kwargs) -> R:
            refuse_other_server(role, server=kwargs.get("server"))
            job = int(str(kwargs["job"] if "job" in kwargs else args[0]))
            run = str(flow_run.get_id() or "")
            with log.step(wiring.zoomdb(), job, step_name(name, kwargs), run=run, outlives_job=outlives_job):
                result = function(*args, **kwargs)
            artifacts.step_done(job)
            return result

        return task(
            name=name,
            task_run_name=functools.partial(_run_name, name),
            tags=[f"role:{role}"],
            retries=retries,
            retry_delay_seconds=list(RETRY_DELAYS[:retries]),
            retry_condition_fn=if_transient,
            timeout_seconds=timeout_seconds,
            persist_result=False,
            cache_policy=NO_CACHE,
            **options,
        )(as_step)

    return decorate


def precondition(function: Callable[Concatenate[int, P], R]) -> Callable[Concatenate[int, P], R]:
    """Make a function one that is asked, on a build server, before a job goes on; its first parameter is the job.

    It is no run in Prefect, and no step in the job's log unless it fails.
    """
    name, tried = function.__name__.replace("_", " "), without_run(function)

    @functools.wraps(function)
    def asked(job: int, /, *args: P.args, **kwargs: P.kwargs) -> R:
        refuse_other_server("build")
        with log.failed_step(wiring.zoomdb(), job, name):
            return tried(job, *args, **kwargs)

    return asked


def refuse_other_server(role: Role, *, server: object = None) -> None:
    """Raise WrongServer if this process belongs to another role, or to another server than the one meant.

    A process without a role (local mode, tests) holds all roles.
    """
    here = settings()
    if here.role not in (None, role):
        raise WrongServer(
            f"Work of the role {role!r} reached {here.server_id}, a server of the role {here.role!r}; nothing was done.",
            "Send it to its own work pool: see `prefect deployment ls`, or run the rollout again.",
        )
    if server is not None and here.server_id not in (None, server):
        raise WrongServer(
            f"Work meant for the server {server} reached {here.server_id}; nothing was done.",
            f"Send it to the queue {server} of the work pool {role}: each server has a queue of its own name.",
        )


def _run_name(name: str, parameters: dict[str, Any]) -> str:
    return step_name(name, parameters)


def step_name(name: str, kwargs: dict[str, Any]) -> str:
    """Name a step in the job's log, with the server where there may be several."""
    server = kwargs.get("server")
    return f"{name} on {server}" if server else name
