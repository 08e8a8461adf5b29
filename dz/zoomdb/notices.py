"""Short messages between processes over PostgreSQL's LISTEN and NOTIFY; a receiver looks up the facts in the tables."""

import contextlib
import select
import time
from collections.abc import Iterator

import psycopg2
from sqlalchemy import text

from dz.errors import ServiceUnavailable
from dz.zoomdb.session import Zoomdb, unavailable

WORK = "dz_work"
"""A flow run was queued; the payload is `<pool>/<queue>`."""
ENDED = "dz_ended"
"""A flow run has ended; the payload is its id, or `<id>/completed`."""
TOLD = "dz_told"
"""A standby flow run was told its release: the payload is the run's id; or of a layer that it will likely need:
`<id>/<sha256>/<size>`."""
ASKED = "dz_asked"
"""Somebody asks every server how a project is there; the payload is the project's id."""
_LISTEN = {channel: f"listen {channel}" for channel in (WORK, ENDED, TOLD, ASKED)}


class Notices:
    """The messages of one channel, on a connection that is used for nothing else."""

    def __init__(self, connection: "psycopg2.extensions.connection") -> None:
        self._connection = connection

    def wait(self, seconds: float, *, wanted: str | None = None) -> list[str]:
        """Wait for messages and return their payloads; none if `seconds` pass without one.

        Args:
            seconds: how long to wait.
            wanted: only a message with this payload, or one that begins with it and a slash, ends the wait.

        Raises:
            ServiceUnavailable: the connection was lost (transient).
        """
        deadline = time.monotonic() + seconds
        try:
            while True:
                found = self._received(wanted)
                left = deadline - time.monotonic()
                if found or left <= 0:
                    return found
                select.select([self._connection], [], [], left)
        except psycopg2.Error as error:
            raise unavailable() from error

    def _received(self, wanted: str | None) -> list[str]:
        self._connection.poll()
        payloads = [notice.payload for notice in self._connection.notifies]
        self._connection.notifies.clear()
        return [payload for payload in payloads if wanted is None or payload.partition("/")[0] == wanted]


def send(zoomdb: Zoomdb, channel: str, payload: str) -> None:
    """Send a message; never a secret, since every login of zoomdb can listen.

    A message only saves waiting, so it is no error here if zoomdb does not answer.
    """
    with contextlib.suppress(ServiceUnavailable):
        zoomdb.execute(text("select pg_notify(:channel, :payload)"), {"channel": channel, "payload": payload[:200]})


@contextlib.contextmanager
def listen(zoomdb: Zoomdb, channel: str) -> Iterator[Notices]:
    """Receive what is sent to WORK, ENDED, TOLD or ASKED from now on.

    Raises:
        ServiceUnavailable: zoomdb does not answer (transient).
    """
    with zoomdb.own_connection() as connection:
        with connection.cursor() as cursor:
            cursor.execute(_LISTEN[channel])
        yield Notices(connection)
