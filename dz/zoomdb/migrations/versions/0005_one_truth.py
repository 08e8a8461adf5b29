"""one truth: attempts, turns and fences of jobs, and the runs that work for them."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
_TIME = sa.DateTime(timezone=True)


def upgrade() -> None:
    """Apply."""
    op.add_column("project", sa.Column("fence", sa.BigInteger(), server_default="0", nullable=False))
    op.add_column("job", sa.Column("idempotency_key", sa.String(200), nullable=True))
    op.add_column("job", sa.Column("attempt", sa.Integer(), server_default="1", nullable=False))
    op.add_column("job", sa.Column("fence", sa.BigInteger(), nullable=True))
    op.add_column("job", sa.Column("heartbeat", _TIME, nullable=True))
    op.add_column("job", sa.Column("switched", _TIME, nullable=True))
    op.add_column("job", sa.Column("superseded_by", sa.BigInteger(), nullable=True))
    op.create_unique_constraint("job_idempotency_key_key", "job", ["idempotency_key"])
    op.create_foreign_key("job_superseded_by_fkey", "job", "job", ["superseded_by"], ["id"])
    op.drop_index("job_not_over", "job")
    _index("state in ('pending', 'queued', 'running', 'waiting')")
    op.add_column("deployment", sa.Column("job_id", sa.BigInteger(), nullable=True))
    op.create_foreign_key("deployment_job_id_fkey", "deployment", "job", ["job_id"], ["id"])
    op.create_table(
        "child",
        sa.Column("flow_run_id", sa.String(36), nullable=False),
        sa.Column("job_id", sa.BigInteger(), nullable=False),
        sa.Column("server", sa.String(41), nullable=False),
        sa.Column("heartbeat", _TIME, server_default=sa.text("now()"), nullable=False),
        sa.Column("ended", _TIME, nullable=True),
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("created", _TIME, server_default=sa.text("now()"), nullable=False),
        sa.ForeignKeyConstraint(["job_id"], ["job.id"]),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("flow_run_id"),
    )
    op.create_index("child_by_job", "child", ["job_id"])
    op.create_index("child_by_server", "child", ["server"])


def downgrade() -> None:
    """Undo; jobs in a state that is not known afterwards have failed."""
    op.execute("update job set state = 'failed' where state in ('queued', 'cancelled', 'superseded')")
    op.drop_table("child")
    op.drop_column("deployment", "job_id")
    op.drop_index("job_not_over", "job")
    _index("state in ('pending', 'running', 'waiting')")
    for name in ("superseded_by", "switched", "heartbeat", "fence", "attempt", "idempotency_key"):
        op.drop_column("job", name)
    op.drop_column("project", "fence")


def _index(states: str) -> None:
    op.create_index("job_not_over", "job", ["state"], postgresql_where=sa.text(states))
