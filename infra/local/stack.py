"""Starts, stops and shows the embedded local stack; every call can be repeated."""

import contextlib
import datetime as dt
import json
import os
from dataclasses import replace
from pathlib import Path
from typing import Any

from dz import wiring
from dz.adapters import files
from dz.adapters.walls import cgroups
from dz.errors import StackProblem, WallsMissing
from dz.settings import Settings, settings
from infra.local import checkout, leftovers, ports, questions
from infra.local.configuration import REPLACEABLE, Configuration
from infra.local.layout import Layout
from infra.local.start import Progress, Stack, Start, step
from infra.local.supervisor import ProgramStatus, Supervisor

OF_PROCESS = ("state_dir", "role", "server_id", "local_mode", "external", "given")
"""Settings that say what one process is; a stack keeps none of them."""
COMING = ("STARTING", "BACKOFF")
"""States of a program that its supervisor is about to start."""
__all__ = ["ProgramStatus", "Progress", "Stack", "down", "down_in", "status", "up"]


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
        with contextlib.suppress(WallsMissing):  # an engine that has ended runs nothing
            wiring.remove_stray_containers()
        cgroups.sweep(cgroups.of_installation(layout.state), older=0)


def status() -> list[ProgramStatus]:
    """Return the status of every program: all STOPPED if the stack is down, an empty list if there never was one.

    Each is asked whether it does its work.
    """
    layout = Layout(settings().state_dir)
    if not layout.supervisor_conf.exists():
        return []
    found = Supervisor(layout).statuses()
    known = _programs(layout)
    if not found:
        logs = layout.logs
        found = [ProgramStatus(name, "STOPPED", None, 0, str(logs / f"{name}.log")) for name in known]
        return [replace(one, port=known.get(one.name), remedy="Run `dz up`.") for one in found]
    configuration = _as_it_is(layout)
    wrong = questions.ask(configuration)
    since = questions.since(configuration, wrong)
    return [_judged(replace(one, port=known.get(one.name)), wrong.get(one.name, ""), since) for one in found]


def _judged(one: ProgramStatus, wrong: str, since: dict[str, dt.datetime]) -> ProgramStatus:
    """Add what a program answered to what its supervisor says of it."""
    if one.state == "RUNNING" and not wrong:
        return one
    running = one.state == "RUNNING"
    return replace(
        one,
        state="SILENT" if running else one.state,
        wrong=wrong or "does not run",
        since=one.since or since.get(one.name),
        remedy=f"{'It is started again by itself. ' if one.state in COMING else ''}"
        f"Read {one.log}; `dz up` starts what does not run"
        + (f". If it stays silent, end process {one.pid}: another is started in its place." if running else "."),
    )


def down_in() -> Path | None:
    """Return the state folder of the local stack that a command would need, if that stack does not run.

    None: it runs, or this process is told of a zoomdb elsewhere.
    """
    here = settings()
    if "zoomdb_url" in here.external or "DZ_ZOOMDB_URL" in os.environ:
        return None
    layout = Layout(here.state_dir)
    return None if layout.supervisor_conf.exists() and Supervisor(layout).alive() else layout.state


def _configure(layout: Layout, appservers: int, proxies: int) -> Configuration:
    return _configuration(layout, _take_settings(layout), appservers, proxies, checkout.code())


def _as_it_is(layout: Layout) -> Configuration:
    """Return the configuration with which a stack was started."""
    return _configuration(layout, set(settings().given), 0, 0, "")


def _programs(layout: Layout) -> dict[str, int | None]:
    """Return the names of a stack's programs with their ports."""
    path = layout.state / "programs.json"
    found: dict[str, int | None] = json.loads(path.read_text()) if path.exists() else {}
    return found


def _configuration(layout: Layout, named: set[str], appservers: int, proxies: int, code: str) -> Configuration:
    here, before = Settings(), _programs(layout)
    return Configuration(
        layout=layout,
        ports=ports.choose(layout.state / "ports.json", seed=layout.name, base=here.port_base),
        given=here,
        named=frozenset(named),
        external=frozenset(set(REPLACEABLE) & named | set(here.external)),
        appservers=max(appservers, sum(name.startswith("apps-") for name in before)),
        proxies=max(proxies, sum(name.startswith("nginx-") for name in before)),
        code=code,
    )


def _take_settings(layout: Layout) -> set[str]:
    """Return the names of the settings that people gave this stack; one that is given empty now is forgotten.

    Raises:
        StackProblem: a setting is given that a local stack decides itself.
    """
    here = {
        name: os.environ[f"DZ_{name.upper()}"] for name in Settings.model_fields if f"DZ_{name.upper()}" in os.environ
    }
    if "supervisor_socket" in here:
        raise StackProblem(
            "DZ_SUPERVISOR_SOCKET cannot be given to a local stack, which has a supervisor for each appserver.",
            "Unset it.",
        )
    known: dict[str, Any] = json.loads(layout.settings.read_text()) if layout.settings.exists() else {}
    forgotten = {name for name, value in here.items() if not value} - set(OF_PROCESS)
    if forgotten & known.keys():
        for name in ("given", "external"):
            known[name] = [one for one in known.get(name, []) if one not in forgotten]
        kept = {name: value for name, value in known.items() if name not in forgotten}
        files.write(layout.settings, json.dumps(kept, indent=2) + "\n", mode=0o600)
    return ({name for name, value in here.items() if value} | set(known.get("given", []))) - forgotten - set(OF_PROCESS)


def _silent(name: str, seconds: float | None, detail: str) -> None:
    pass
