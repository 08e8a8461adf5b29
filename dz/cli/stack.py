"""`dz up`, `dz down`, `dz status`: the embedded local stack."""

import dataclasses
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import typer
from rich.live import Live
from rich.table import Table

from dz import wiring
from dz.adapters import sandbox
from dz.adapters.walls import cgroups
from dz.cli import output
from infra.local import stack
from infra.local.stack import Progress, Stack

JSON = typer.Option(False, "--json", help="Write one JSON object on stdout.")


def register(app: typer.Typer) -> None:
    """Add the commands to the app."""
    app.command("up")(up)
    app.command("down")(down)
    app.command("status")(status)


def up(
    appservers: int = typer.Option(1, min=1, help="At least so many appservers."),
    proxies: int = typer.Option(1, min=1, help="At least so many proxies."),
    as_json: bool = JSON,
) -> None:
    """Start the local stack, or add what is missing; safe to repeat."""
    with shown("Starting the local stack") as progress:
        found = stack.up(appservers, proxies, progress)
    if as_json:
        output.print_json(as_dict(found))
        return
    output.note(f"Ready. State and logs: {found.state_dir}")
    output.note(f"Prefect UI: {found.prefect_ui}   (login: {found.prefect_login or 'your server knows it'})")
    if found.extensions:
        output.note(f"PostgreSQL extensions for sites: {', '.join(found.extensions)}")


def down(as_json: bool = JSON) -> None:
    """Stop the local stack and every site on it; data stay."""
    with shown("Stopping the local stack") as progress:
        stack.down(progress)
    if as_json:
        output.print_json({"stopped": True})


def status(as_json: bool = JSON) -> None:
    """Ask each program of the local stack whether it does its work; the exit code is 1 if one does not."""
    found = stack.status()
    if as_json:
        programs = [dataclasses.asdict(one) for one in found]
        output.print_json({"programs": programs, "walls": _walls(), "limits": _limits()})
    elif not found:
        output.note("There is no local stack; `dz up` starts one.")
    else:
        rows = [[one.name, one.state, one.pid, one.port, f"{one.seconds} s", one.log] for one in found]
        output.print_table(["program", "state", "pid", "port", "up for", "log"], rows)
        for one in found:
            if one.wrong:
                since = f" (since {output.local_time(one.since)})" if one.since else ""
                output.note(f"{one.name} {one.wrong}{since}. {one.remedy}")
        output.note(f"Walls: {_walls()}.")
        output.note(f"Limits: {_limits()}.")
    if not found or any(one.state != "RUNNING" for one in found):
        raise typer.Exit(1)


def _walls() -> str:
    return sandbox.in_force(wiring.walls())


def _limits() -> str:
    return cgroups.in_force(cgroups.trees())


def as_dict(found: Stack) -> dict[str, Any]:
    """Return a stack for `--json`, without the password."""
    values = dataclasses.asdict(found)
    del values["prefect_login"]
    return values


@contextmanager
def shown(title: str) -> Iterator[Progress]:
    """Show steps in place on a terminal, else a line for each when it is done; yields the stack's progress callback."""
    console = output.console()
    began: dict[str, float] = {}
    done: dict[str, float] = {}

    def table() -> Table:
        rows = Table.grid(padding=(0, 1))
        for name, start in began.items():
            seconds = done.get(name, time.monotonic() - start)
            rows.add_row("+" if name in done else "-", name, f"{seconds:.1f} s")
        return rows

    def tell(name: str, seconds: float | None, detail: str) -> None:
        began.setdefault(name, time.monotonic())
        if seconds is not None:
            done[name] = seconds
            if not console.is_terminal:
                console.print(f"  done    {name}  {seconds:.1f} s")

    console.print(title)
    if not console.is_terminal:
        yield tell
        return
    with Live(get_renderable=table, console=console, refresh_per_second=8):
        yield tell
