"""processes of children: which process works for a job."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    """Apply."""
    op.add_column("child", sa.Column("pid", sa.Integer(), server_default="0", nullable=False))
    op.add_column("child", sa.Column("began", sa.Float(), server_default="0", nullable=False))
    op.add_column("child", sa.Column("given_up", sa.Boolean(), server_default="false", nullable=False))


def downgrade() -> None:
    """Undo."""
    op.drop_column("child", "given_up")
    op.drop_column("child", "began")
    op.drop_column("child", "pid")
