"""What people read in place of ids: a project and its version, as in `polls v3`."""

from sqlalchemy import func, select

from dz.zoomdb import Zoomdb
from dz.zoomdb.models import Deployment, Job, Project, Release


def of_project(zoomdb: Zoomdb, project_id: int) -> str:
    """Return the name of a project."""
    with zoomdb.session() as session:
        return session.get_one(Project, project_id).name


def project_of(zoomdb: Zoomdb, job_id: int) -> str:
    """Return the name of the project that a job is about."""
    with zoomdb.session() as session:
        job = session.get_one(Job, job_id)
        return job.project.name if job.project else f"job {job_id}"


def of_release(zoomdb: Zoomdb, release_id: int) -> str:
    """Return the name and number of a release."""
    with zoomdb.session() as session:
        release = session.get_one(Release, release_id)
        return _title(release.project.name, release.number)


def of_deployment(zoomdb: Zoomdb, deployment_id: int) -> str:
    """Return the name and number of the release of an app instance."""
    with zoomdb.session() as session:
        release = session.get_one(Deployment, deployment_id).release
        return _title(release.project.name, release.number)


def of_job(zoomdb: Zoomdb, job_id: int) -> str:
    """Return the name and number of the release that a deploy makes.

    Before it is made, that is the next number: no other deploy of the project runs at the same time.
    """
    with zoomdb.session() as session:
        job = session.get_one(Job, job_id)
        if job.project is None:
            return f"job {job_id}"
        last = session.scalar(select(func.max(Release.number)).where(Release.project_id == job.project_id)) or 0
        return _title(job.project.name, int(job.result.get("version") or last + 1))


def _title(project: str, number: int) -> str:
    return f"{project} v{number}"
