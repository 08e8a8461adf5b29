"""Runs the migrations of zoomdb on the connection that `Zoomdb.migrate` names."""

from alembic import context
from sqlalchemy import create_engine, pool, text

from dz.zoomdb.models import Base

MIGRATION_LOCK = 726501
"""Two servers that start at once migrate one after the other."""

engine = create_engine(context.config.attributes["url"], poolclass=pool.NullPool, hide_parameters=True)
with engine.connect() as connection:
    context.configure(connection=connection, target_metadata=Base.metadata, compare_type=True)
    with context.begin_transaction():
        connection.execute(text("select pg_advisory_xact_lock(:key)"), {"key": MIGRATION_LOCK})
        context.run_migrations()
