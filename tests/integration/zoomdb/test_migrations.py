"""The migrations make what the models describe, and can be undone."""

from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from sqlalchemy import create_engine

from dz.tasklib.jobs import endings, jobs
from dz.zoomdb import Zoomdb
from dz.zoomdb.models import Base
from dz.zoomdb.session import MIGRATIONS
from dz.zoomdb.states import JobKind


def _config(zoomdb: Zoomdb) -> Config:
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    config.attributes["url"] = zoomdb.url
    return config


def test_the_migrations_make_just_the_tables_of_the_models(zoomdb: Zoomdb) -> None:
    engine = create_engine(zoomdb.url)
    with engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": False})
        found = compare_metadata(context, Base.metadata)
    engine.dispose()
    assert found == []


def test_the_second_migration_can_be_undone_and_applied_again(zoomdb: Zoomdb) -> None:
    command.downgrade(_config(zoomdb), "0001")
    zoomdb.migrate()


def test_the_third_migration_can_be_undone_and_applied_again(zoomdb: Zoomdb) -> None:
    command.downgrade(_config(zoomdb), "0002")
    zoomdb.migrate()


def test_the_fifth_migration_can_be_undone_and_applied_again(zoomdb: Zoomdb) -> None:
    endings.cancel(zoomdb, jobs.open_job(zoomdb, JobKind.CHECK_REPO, params={}), by="ann")
    command.downgrade(_config(zoomdb), "0004")
    zoomdb.migrate()
    assert jobs.newest(zoomdb)[0].state == "failed"


def test_the_sixth_migration_can_be_undone_and_applied_again(zoomdb: Zoomdb) -> None:
    command.downgrade(_config(zoomdb), "0005")
    zoomdb.migrate()
