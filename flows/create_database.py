"""create_database: a project's own database, on a database server."""

from prefect import flow

from tasks.databases import ensure_database
from tasks.endings import tells_its_end
from tasks.jobs import child_of


@tells_its_end
@flow(name="create-database", persist_result=False)
def create_database(project: int, bundle: int, job: int) -> None:
    """Create the database and user of a project if they are missing; the password stays in zoomdb, encrypted."""
    with child_of(job, "database"):
        ensure_database(job, project, bundle)
