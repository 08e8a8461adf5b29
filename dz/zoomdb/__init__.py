"""zoomdb: the platform's own database, the truth of what users see."""

from dz.zoomdb.session import Zoomdb

__all__ = ["Zoomdb"]
