"""Starts, stops and shows the embedded local stack; every call can be repeated."""

import json
import os
from dataclasses import replace

from dz.adapters import files
from dz.settings import Settings, settings
from infra.local import checkout, leftovers, ports
from infra.local.configuration import REPLACEABLE, Configuration
from infra.local.layout import Layout
from infra.local.start import Progress, Stack, Start, step
from infra.local.supervisor import ProgramStatus, Supervisor

__all__ = ["ProgramStatus", "Progress", "Stack", "down", "status", "up"]


def up(appservers: int = 1, proxies: int = 1, progress: Progress | None = None) -> Stack:
    """Bring the stack up, and return when all of it is ready; programs that already run are left alone.

    Args:
        appservers, proxies: the least number of servers of these roles; existing ones stay.

    Raises:
        PortTaken, StackProblem: the text names the port or folder.
        ServiceUnavailable: a program does not become ready; the text names its log.
    """
    layout = Layout(settings().state_dir)
    layout.prepare()
    with files.locked(layout.state / "up.lock"):
        return Start(_configure(layout, appservers, proxies), progress or _silent).run()


def down(progress: Progress | None = None) -> None:
    """Stop everything, app instances included; their data stay."""
    layout = Layout(settings().state_dir)
    if not layout.state.exists():
        return
    tell = progress or _silent
    with files.locked(layout.state / "up.lock"), step("stop", tell, {}):
        Supervisor(layout).shut_down()
        leftovers.end(leftovers.find(stack=layout.name, state=layout.state))


def status() -> list[ProgramStatus]:
    """Return the status of every program: all STOPPED if the stack is down, an empty list if there never was one."""
    layout = Layout(settings().state_dir)
    if not layout.supervisor_conf.exists():
        return []
    found = Supervisor(layout).statuses()
    known = json.loads((layout.state / "programs.json").read_text())
    if not found:
        logs = layout.logs
        found = [ProgramStatus(name, "STOPPED", None, 0, str(logs / f"{name}.log")) for name in known]
    return [replace(one, port=known.get(one.name)) for one in found]


def _configure(layout: Layout, appservers: int, proxies: int) -> Configuration:
    here = Settings()
    named = {name for name in REPLACEABLE if f"DZ_{name.upper()}" in os.environ}
    before = (
        json.loads((layout.state / "programs.json").read_text()) if (layout.state / "programs.json").exists() else {}
    )
    return Configuration(
        layout=layout,
        ports=ports.choose(layout.state / "ports.json", seed=layout.name, base=here.port_base),
        given=here,
        external=frozenset(named | set(here.external)),
        appservers=max(appservers, sum(name.startswith("apps-") for name in before)),
        proxies=max(proxies, sum(name.startswith("nginx-") for name in before)),
        code=checkout.code(),
    )


def _silent(name: str, seconds: float | None, detail: str) -> None:
    pass
