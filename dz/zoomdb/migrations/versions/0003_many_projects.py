"""indexes: what a deploy asks for takes the same time with many projects."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """Apply."""
    op.create_index("project_by_source", "project", ["source_url"])
    op.create_index("job_by_project", "job", ["project_id", "id"])
    op.create_index(
        "job_not_over", "job", ["state"], postgresql_where=sa.text("state in ('pending', 'running', 'waiting')")
    )
    op.create_index("virtual_host_by_project", "virtual_host", ["project_id"])
    op.create_index("site_port_by_host", "site_port", ["virtual_host_id"])


def downgrade() -> None:
    """Undo."""
    op.drop_index("site_port_by_host", "site_port")
    op.drop_index("virtual_host_by_project", "virtual_host")
    op.drop_index("job_not_over", "job")
    op.drop_index("job_by_project", "job")
    op.drop_index("project_by_source", "project")
