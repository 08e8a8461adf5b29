"""The block that tells every worker where the shared things are."""

import json
from typing import ClassVar

from prefect.blocks.core import Block
from pydantic import Field

NAME = "djangozoom"
"""The name of the one document of this block."""


class SharedSettings(Block):
    """Addresses that are the same on every server; a server's own settings win over them."""

    _block_type_name: ClassVar[str] = "DjangoZoom shared settings"
    _block_type_slug: ClassVar[str] = "djangozoom-shared-settings"
    _description: ClassVar[str] = "Where the bundle store is and which git hosts are allowed; no secrets."

    bundle_store: str = Field("s3", title="Bundle store", description="`s3` or `directory`")
    s3_endpoint: str | None = Field(None, title="S3 endpoint", description="Empty: Amazon's own")
    s3_bucket: str = Field(title="S3 bucket")
    s3_region: str = Field("us-east-1", title="S3 region")
    git_hosts: list[str] = Field(title="Allowed git hosts")

    def environment(self) -> dict[str, str]:
        """Return the values as environment variables of `dz.settings`."""
        found = {
            "DZ_BUNDLE_STORE": self.bundle_store,
            "DZ_S3_BUCKET": self.s3_bucket,
            "DZ_S3_REGION": self.s3_region,
            "DZ_GIT_HOSTS": json.dumps(self.git_hosts),
        }
        return found | ({"DZ_S3_ENDPOINT": self.s3_endpoint} if self.s3_endpoint else {})
