"""Tasks about servers."""

from dz import wiring
from dz.settings import Role, settings
from dz.tasklib.servers import servers


def alive(role: Role) -> list[str]:
    """Return the servers of a role to send work to; in local mode, this process is the only one of each."""
    return [wiring.server_name(role)] if settings().local_mode else servers.alive(wiring.zoomdb(), role)
