"""Children: the processes that work for a job, on whatever server; they end with it, and what they left is undone."""

import contextlib
import functools
import os
from collections.abc import Iterator
from dataclasses import dataclass

import psutil
from sqlalchemy import delete, func, select, update
from sqlalchemy.dialects.postgresql import insert

from dz.errors import ServiceUnavailable
from dz.tasklib.jobs import fencing, leases
from dz.zoomdb import Zoomdb
from dz.zoomdb.models import Child, Deployment, Job, Project, Server, VirtualHost
from dz.zoomdb.states import FINAL, UNSUCCESSFUL, DeploymentState, JobState


@dataclass(frozen=True)
class Left:
    """What is left on a server of a run.

    Args:
        pid, began: its process, see `zoomdb.models.Child`.
        ended: whether it has done its work, or failed to.
        over: whether its job has ended.
        undo: whether the job has ended without success, so that nothing of it may stay.
        given_up: whether nobody waits for it any more.
    """

    run: str
    job: int
    project: int | None
    pid: int
    began: float
    ended: bool
    over: bool
    undo: bool
    given_up: bool


@contextlib.contextmanager
def at_work(
    zoomdb: Zoomdb, job_id: int, flow_run_id: str, *, server: str, outlives_job: bool = False
) -> Iterator[None]:
    """Record this process as one that works for a job while the block runs, and keep its lease.

    Args:
        outlives_job: do it even if the job has ended, since the run only stands by.

    Raises:
        Cancelled, Superseded, StaleWork, Fenced: the job may write nothing more.
    """
    began = psutil.Process().create_time()
    fencing.begin_work(
        zoomdb, job_id, flow_run_id, server=server, pid=os.getpid(), began=began, outlives_job=outlives_job
    )
    mine = Child.flow_run_id == flow_run_id
    beat = update(Child).where(mine).values(heartbeat=func.clock_timestamp())
    try:
        with leases.kept(functools.partial(zoomdb.execute, beat, {}), f"run {flow_run_id}"):
            yield
    finally:
        # If this is not heard, the server finds out by itself that the process is gone.
        with contextlib.suppress(ServiceUnavailable):
            zoomdb.execute(update(Child).where(mine, Child.ended.is_(None)).values(ended=func.clock_timestamp()), {})


def lost(zoomdb: Zoomdb, flow_run_id: str, server: str | None, *, silent_after: float) -> str | None:
    """Say why a run that somebody waits for will never end; None if it may.

    Args:
        server: where it must run; None: anywhere.
        silent_after: seconds without a heartbeat after which a server counts as silent.
    """
    age = func.extract(
        "epoch", func.clock_timestamp() - func.greatest(Server.heartbeat, func.pg_postmaster_start_time())
    )
    silent = select(Server.id).where(Server.name == (server or ""), age > silent_after).exists()
    child = select(Child.server).where(Child.flow_run_id == flow_run_id, Child.ended.is_(None))
    dead = child.where(leases.is_silent(Child.heartbeat)).scalar_subquery()
    found = zoomdb.ask(select(dead.label("dead"), child.exists().label("begun"), silent.label("silent")), {})
    if found is None or not (found.dead or (found.silent and not found.begun)):
        return None
    if found.dead:
        return f"{found.dead} has not been heard of for {leases.LEASE_SECONDS:.0f} s while it worked for this job"
    return f"{server} has not been heard of for {silent_after:.0f} s, and had not begun"


def give_up(zoomdb: Zoomdb, job_id: int, flow_run_id: str, server: str) -> None:
    """Give a run up: whatever it writes from now on is refused, and its server ends it."""
    row = insert(Child).values(flow_run_id=flow_run_id, job_id=job_id, server=server, given_up=True)
    with zoomdb.session() as session:
        session.execute(row.on_conflict_do_update(index_elements=["flow_run_id"], set_={"given_up": True}))


def left_on(zoomdb: Zoomdb, server: str) -> list[Left]:
    """Return what is left on a server of jobs that have ended, and of runs that were given up."""
    query = select(Child, Job.project_id, Job.state).join(Job, Child.job_id == Job.id)
    query = query.where(Child.server == server, Job.state.in_(FINAL) | Child.given_up)
    with zoomdb.session() as session:
        return [
            Left(
                child.flow_run_id,
                child.job_id,
                project,
                child.pid,
                child.began,
                ended=child.ended is not None,
                over=state in FINAL,
                undo=state in UNSUCCESSFUL,
                given_up=child.given_up,
            )
            for child, project, state in session.execute(query)
        ]


def forget(zoomdb: Zoomdb, flow_run_id: str) -> None:
    """Forget a run of which nothing is left."""
    zoomdb.execute(delete(Child).where(Child.flow_run_id == flow_run_id), {})


def instances_left(zoomdb: Zoomdb, server: str) -> list[int]:
    """Return the app instances on a server that nobody needs: a job without success has started them, or lost them."""
    named = select(VirtualHost.id).where(VirtualHost.release_id == Deployment.release_id).exists()
    current = select(Project.id).where(Project.current_release_id == Deployment.release_id).exists()
    unwanted = Deployment.state.in_((DeploymentState.STARTING, DeploymentState.HEALTHY)) & Job.state.in_(UNSUCCESSFUL)
    query = select(Deployment.id).join(Server, Deployment.server_id == Server.id)
    query = query.outerjoin(Job, Deployment.job_id == Job.id).where(
        Server.name == server,
        (unwanted & ~named & ~current) | ((Deployment.state == DeploymentState.RETIRING) & Deployment.job_id.is_(None)),
    )
    with zoomdb.session() as session:
        return list(session.scalars(query))


def newer_at_work(zoomdb: Zoomdb, project_id: int, server: str) -> bool:
    """Say whether the job that has the turn of a project is at work on a server, which it will bring in order itself."""
    query = select(Child.id).join(Job, Child.job_id == Job.id).join(Project, Job.project_id == Project.id)
    query = query.where(
        Project.id == project_id, Child.server == server, Job.fence == Project.fence, Job.state == JobState.RUNNING
    )
    return zoomdb.ask(query.limit(1), {}) is not None
