"""Tasks about databases of sites."""

from dz import wiring
from dz.tasklib import databases
from dz.tasklib.bundles import bundles
from dz.tasklib.jobs import log
from tasks.policy import without_run
from tasks.roles import on_role


@without_run
def database_works(project: int, bundle: int) -> bool:
    """Say whether the project's database already works, which saves a subflow on a database server."""
    zoomdb = wiring.zoomdb()
    kind = bundles.manifest_of(zoomdb, bundle).database_type
    return databases.works(zoomdb, project, extensions=databases.extensions_of(kind))


@on_role("database")
def ensure_database(job: int, project: int, bundle: int) -> None:
    """Create a project's database and user, or repair what is missing of them."""
    zoomdb = wiring.zoomdb()
    kind = bundles.manifest_of(zoomdb, bundle).database_type
    result = databases.ensure_database(
        zoomdb, project, server=wiring.postgres(), extensions=databases.extensions_of(kind), **wiring.database_place()
    )
    log.note(zoomdb, job, (), info="database created" if result.created else "database is there")
