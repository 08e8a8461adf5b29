"""Releases: numbered, immutable versions of a project, and which of them users see."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Unpack

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from dz.errors import UnknownVersion
from dz.tasklib.bundles.manifest import Manifest
from dz.tasklib.jobs import fencing
from dz.tasklib.jobs.results import JobResult
from dz.tasklib.servers.servers import SILENT_AFTER
from dz.tasklib.variables import of_release, stored
from dz.zoomdb import Zoomdb
from dz.zoomdb.models import Bundle, Deployment, Job, Observation, Project, Release, Server, VirtualHost
from dz.zoomdb.states import LIVE, SHOWN, DeploymentState


@dataclass(frozen=True)
class ReleaseView:
    """A version of a project with its app instances."""

    id: int
    number: int
    commit: str
    message: str
    created: str
    current: bool
    published: bool
    deployments: tuple[tuple[str, int, str], ...]
    """(server, port, state) of its app instances."""


@dataclass(frozen=True)
class Retired:
    """An app instance that is no longer needed."""

    deployment_id: int
    server: str


def create(zoomdb: Zoomdb, project_id: int, bundle_id: int, *, job_id: int | None = None) -> int:
    """Create the next version from a bundle and a snapshot of the project's variables; return the release's id.

    Args:
        job_id: the job that makes it.

    Raises:
        StaleWork, Fenced: the job may write nothing more.
    """
    sealed = of_release.seal(zoomdb, project_id, stored.of_project(zoomdb, project_id))
    with zoomdb.session() as session:
        session.get_one(Project, project_id, with_for_update=True)
        if job_id is not None:
            fencing.guard(session, job_id)
        last = session.scalar(select(func.max(Release.number)).where(Release.project_id == project_id)) or 0
        release = Release(project_id=project_id, number=last + 1, bundle_id=bundle_id, environment=sealed)
        session.add(release)
        session.flush()
        return release.id


def number(zoomdb: Zoomdb, release_id: int) -> int:
    """Return the version number of a release."""
    with zoomdb.session() as session:
        return session.get_one(Release, release_id).number


def was_published(zoomdb: Zoomdb, project_id: int) -> bool:
    """Say whether users have ever seen a version of a project."""
    query = select(Release.id).where(Release.project_id == project_id, Release.published.is_not(None)).limit(1)
    with zoomdb.session() as session:
        return session.scalar(query) is not None


def current(zoomdb: Zoomdb, project_id: int) -> int | None:
    """Return the id of the release that users see."""
    with zoomdb.session() as session:
        return session.get_one(Project, project_id).current_release_id


def publish(zoomdb: Zoomdb, release_id: int, *, job_id: int | None = None, **result: Unpack[JobResult]) -> None:
    """Make a release the current one, once every proxy has proved that it shows it.

    In the same transaction the job becomes one that can only succeed, with this result: what users see, what is said of
    it and how the job ends are never told apart.

    Args:
        job_id: the job that publishes it.
        result: what the job has made.

    Raises:
        StaleWork, Fenced: the job may write nothing more.
    """
    with zoomdb.session() as session:
        release = session.get_one(Release, release_id)
        project = session.get_one(Project, release.project_id, with_for_update=True)
        if job_id is not None:
            fencing.guard(session, job_id)
            job = session.get_one(Job, job_id, with_for_update=True)
            job.switched, job.result = func.now(), {**job.result, **result}
        project.current_release_id = release_id
        release.published = func.now()
        for deployment in _live(session, project.id):
            if deployment.state in SHOWN:
                serves = deployment.release_id == release_id
                deployment.state = DeploymentState.SERVING if serves else DeploymentState.DRAINING


def same_build(zoomdb: Zoomdb, project_id: int, build_key: str) -> int | None:
    """Return the current bundle if it has this build key and the owner's variables are unchanged, else None."""
    with zoomdb.session() as session:
        release = session.get_one(Project, project_id).current_release
        if release is None or not release.bundle.uploaded:
            return None
        if Manifest.from_json(release.bundle.manifest).build_key != build_key:
            return None
        bundle_id, sealed = release.bundle_id, release.environment
    before = of_release.unseal(zoomdb, project_id, sealed)
    return bundle_id if before == stored.of_project(zoomdb, project_id) else None


def served_by(zoomdb: Zoomdb, project_id: int, bundle_id: int) -> int | None:
    """Return the current release if it has this bundle and all its app instances serve on live servers, else None."""
    age = func.extract("epoch", func.clock_timestamp() - Server.heartbeat)
    with zoomdb.session() as session:
        release = session.get_one(Project, project_id).current_release
        if release is None or release.bundle_id != bundle_id:
            return None
        rows = select(Deployment.state, age).join(Server, Deployment.server_id == Server.id)
        rows = rows.where(Deployment.release_id == release.id, Deployment.state.in_(LIVE))
        found = [(state, float(seconds or SILENT_AFTER + 1)) for state, seconds in session.execute(rows)]
        fine = all(state == DeploymentState.SERVING and seconds <= SILENT_AFTER for state, seconds in found)
        return release.id if found and fine else None


def boots_before_hooks(zoomdb: Zoomdb, release_id: int) -> bool:
    """Say whether the app instance of a release may be started before its hooks have run.

    It may if it waits for its hooks by itself, or if its migrations are exactly those of the current version, which
    have all been applied.
    """
    with zoomdb.session() as session:
        release = session.get_one(Release, release_id)
        new = Manifest.from_json(release.bundle.manifest)
        if new.loads_once:
            return True
        before = session.get_one(Project, release.project_id).current_release
        if before is None or before.hooks_done is None:
            return False
        old = Manifest.from_json(before.bundle.manifest)
        same = (old.schema, old.database_type) == (new.schema, new.database_type)
        return bool(new.schema) and same and new.plan.hooks == ("migrate",)


def retire(zoomdb: Zoomdb, project_id: int, keep: int) -> list[Retired]:
    """Mark the app instances that rollback no longer needs as retiring, and return them.

    Args:
        keep: how many published versions stay warm, the serving one included. A version that has a host name of its
            own stays, too, and so does an app instance that a proxy still sends requests to.
    """
    with zoomdb.session() as session:
        published = select(Release.id).where(Release.project_id == project_id, Release.published.is_not(None))
        kept = set(session.scalars(published.order_by(Release.published.desc()).limit(keep)))
        kept.add(session.get_one(Project, project_id).current_release_id or 0)
        named = select(VirtualHost.release_id).where(
            VirtualHost.project_id == project_id, VirtualHost.release_id.is_not(None)
        )
        kept |= {release_id for release_id in session.scalars(named) if release_id}
        used = set(_upstreams(session, project_id))
        old = [
            deployment
            for deployment in _live(session, project_id)
            if deployment.release_id not in kept and f"{deployment.server.address}:{deployment.port}" not in used
        ]
        for deployment in old:
            deployment.state = DeploymentState.RETIRING
        return [Retired(deployment.id, deployment.server.name) for deployment in old]


def _upstreams(session: Session, project_id: int) -> list[str]:
    """Return where proxies send requests for a project, also one whose worker is away and that shows an old version."""
    query = select(Observation.upstreams).join(Server, Observation.server_id == Server.id)
    rows = session.scalars(query.where(Observation.project_id == project_id, Server.role == "proxy", Server.enabled))
    return [str(upstream) for row in rows for upstream in row or ()]


def rollback_target(zoomdb: Zoomdb, project_id: int, version: int | None) -> int:
    """Return the release to go back to.

    Only a version whose release hooks have run can be served.

    Args:
        version: its number; None means the one that users saw before the current one.

    Raises:
        UnknownVersion: there is no such version, no earlier one, or it can no longer be served.
    """
    with zoomdb.session() as session:
        project = session.get_one(Project, project_id)
        query = select(Release).where(Release.project_id == project_id)
        if version is None:
            query = query.where(Release.published.is_not(None), Release.id != project.current_release_id)
            found = session.scalar(query.order_by(Release.published.desc()).limit(1))
        else:
            found = session.scalar(query.where(Release.number == version))
        if found and found.hooks_done and found.bundle.uploaded and not found.bundle.deleted:
            return found.id
        wanted = f"version {version}" if version is not None else "version before the current one"
        raise UnknownVersion(
            f"{project.name} has no {wanted} that can be served.", f"See `dz versions {project.name}`."
        )


def shown(zoomdb: Zoomdb, project_id: int, version: int | None) -> int:
    """Return the release that a host name is to show: the given version or the current one; raises UnknownVersion."""
    release_id = current(zoomdb, project_id) if version is None else rollback_target(zoomdb, project_id, version)
    if release_id is None:
        raise UnknownVersion("The project has no version yet.", "Deploy it first.")
    return release_id


def listed(zoomdb: Zoomdb, project_id: int, *, wrong: Mapping[str, str] | None = None) -> list[ReleaseView]:
    """Return the versions of a project, newest first.

    Args:
        wrong: the servers that have said that the current version does not serve there: its app instances are `silent`.
    """
    with zoomdb.session() as session:
        current_id = session.get_one(Project, project_id).current_release_id
        query = select(Release).where(Release.project_id == project_id).order_by(Release.number.desc())
        return [_view(session, release, current_id, wrong or {}) for release in session.scalars(query)]


def _live(session: Session, project_id: int) -> list[Deployment]:
    query = select(Deployment).join(Release, Deployment.release_id == Release.id)
    return list(session.scalars(query.where(Release.project_id == project_id, Deployment.state.in_(LIVE))))


def _view(session: Session, release: Release, current_id: int | None, wrong: Mapping[str, str]) -> ReleaseView:
    bundle: Bundle = release.bundle
    query = select(Server.name, Deployment.port, Deployment.state).join(Server, Deployment.server_id == Server.id)
    rows = session.execute(query.where(Deployment.release_id == release.id).order_by(Server.name))
    return ReleaseView(
        release.id,
        release.number,
        bundle.commit,
        bundle.commit_message,
        release.created.isoformat(timespec="seconds"),
        release.id == current_id,
        release.published is not None,
        tuple(
            (name, port, _seen(state, silent=release.id == current_id and name in wrong)) for name, port, state in rows
        ),
    )


def _seen(state: DeploymentState, *, silent: bool) -> str:
    return "silent" if silent and state in SHOWN else state.value
