"""Registers the blocks and keeps their one document up to date."""

from blocks.shared_settings import NAME, SharedSettings
from dz.settings import settings


def ensure_blocks() -> list[str]:
    """Register the block type and store this installation's values; says what changed."""
    here = settings()
    wanted = SharedSettings(
        bundle_store=here.bundle_store,
        s3_endpoint=here.s3_endpoint,
        s3_bucket=here.s3_bucket,
        s3_region=here.s3_region,
        git_hosts=here.git_hosts,
    )
    try:
        stored = SharedSettings.load(NAME)
    except ValueError:
        stored = None
    if isinstance(stored, SharedSettings) and stored.environment() == wanted.environment():
        return []
    SharedSettings.register_type_and_schema()
    wanted.save(NAME, overwrite=True)
    return [f"block {NAME} {'updated' if stored else 'created'}"]
