"""Every flow tells whoever waits for it that it has ended."""

import importlib
import pkgutil

from prefect import Flow

import flows
from tasks.endings import tell_parent


def test_every_flow_tells_its_end() -> None:
    modules = [importlib.import_module(f"flows.{module.name}") for module in pkgutil.iter_modules(flows.__path__)]
    found = {one.name: one for module in modules for one in vars(module).values() if isinstance(one, Flow)}
    assert len(found) > 5
    for name, flow in found.items():
        told = (flow.on_completion_hooks, flow.on_failure_hooks, flow.on_crashed_hooks)
        assert all(tell_parent in hooks for hooks in told), name
