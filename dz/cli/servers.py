"""`dz servers`: who is registered, alive, and how busy."""

import typer

from dz import wiring
from dz.cli import output
from dz.cli.options import AsJson
from dz.tasklib.servers import servers


def register(app: typer.Typer) -> None:
    """Add the command to `app`."""
    app.command("servers")(list_servers)


def list_servers(as_json: AsJson = False) -> None:
    """List the servers of all roles with what they last said of themselves."""
    found = servers.listed(wiring.zoomdb())
    if as_json:
        output.print_json({"servers": [vars(server) for server in found]})
        return
    rows = [
        (
            server.name,
            server.role,
            server.address,
            "alive" if server.alive else "silent",
            output.local_time(server.heartbeat),
            f"{server.instances}/{server.capacity}" if server.role == "appserver" else "",
            *(_percent(value) for value in (server.cpu_percent, server.memory_percent, server.disk_percent)),
            ", ".join(server.pythons),
        )
        for server in found
    ]
    columns = ("server", "role", "address", "state", "last heard", "instances", "cpu", "memory", "disk", "pythons")
    output.print_table(columns, rows)


def _percent(value: float | None) -> str:
    return "" if value is None else f"{value:.0f} %"
