"""zoomdb: the platform's own PostgreSQL database, the source of truth for what users see.

Start with `models.py` (the tables) and `session.py` (transactions, locks, migrations). This room knows nothing of the
work: it imports neither tasklib nor adapters nor Prefect.
"""

from dz.zoomdb.session import Zoomdb

__all__ = ["Zoomdb"]
