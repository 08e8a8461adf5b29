"""`python -m dz.worker --role ROLE --server ID`: the worker of one server."""

import argparse
import contextlib
import os

from dz import names
from dz.settings import ROLES, Role, settings

ANEW = "DZ_ANEW"
"""Set for a worker that restarts itself because its code has changed."""


def main() -> None:
    """Set this process's role and server, then serve until told to stop."""
    ask = argparse.ArgumentParser(prog="python -m dz.worker", description=__doc__)
    ask.add_argument("--role", required=True, choices=ROLES)
    ask.add_argument("--server", required=True, help="id of this server, for example appserver-1")
    given = ask.parse_args()
    if not names.SERVER_ID.fullmatch(given.server):
        ask.error(f"{given.server!r} is not a server id: lower-case letters, digits and '-'")

    # Flow runs inherit these, and use them to refuse work meant for other roles and servers.
    os.environ["DZ_ROLE"], os.environ["DZ_SERVER_ID"] = given.role, given.server
    settings.cache_clear()

    if os.environ.pop(ANEW, None):
        _stay_alive(given.role, given.server)

    # Prefect reads the environment on import, so it has to be prepared first.
    from dz.prefect_environment import prepare  # noqa: PLC0415

    prepare()
    if settings().worker_type == "warm":
        from dz.worker.fork_servers import fork_early  # noqa: PLC0415

        fork_early()
    from dz.worker.service import serve  # noqa: PLC0415

    serve(given.role, given.server)


def _stay_alive(role: Role, server: str) -> None:
    """Send a heartbeat before the imports, which on a busy machine take longer than a server may be silent."""
    from dz import wiring  # noqa: PLC0415
    from dz.worker import upkeep  # noqa: PLC0415

    with contextlib.suppress(Exception):
        upkeep.beat(role, server)
    # The fork-server must not inherit connections.
    wiring.zoomdb().close()


if __name__ == "__main__":
    main()
