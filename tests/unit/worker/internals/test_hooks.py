"""Each hook finds its names in the locked version of Prefect; one that does not is reported and left out."""

import logging
import pkgutil
from types import ModuleType

import pytest

from dz.worker import internals
from dz.worker.internals import hooks, names
from dz.worker.internals.names import Name

NAMES = [(hook, name) for hook in hooks.HOOKS for name in hook.NAMES]


@pytest.mark.parametrize(("hook", "name"), NAMES, ids=[name.path for _, name in NAMES])
def test_the_locked_prefect_has_each_name(hook: ModuleType, name: Name) -> None:
    assert names.missing([name]) == []


def test_every_file_of_the_room_is_a_hook() -> None:
    files = {f"{internals.__name__}.{module.name}" for module in pkgutil.iter_modules(internals.__path__)}
    assert files == {hook.__name__ for hook in hooks.HOOKS} | {hooks.__name__, names.__name__}


def test_a_hook_without_its_names_is_reported_and_left_out(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    applied: list[str] = []
    broken, whole = ModuleType("broken"), ModuleType("whole")
    broken.NAMES, whole.NAMES = (Name("prefect.flow_engine:gone_since"),), (Name("prefect.flow_engine:load_flow"),)
    broken.apply, whole.apply = (lambda: applied.append("broken")), (lambda: applied.append("whole"))
    for group in ("HOOKS", "REPLACING"):
        monkeypatch.setattr(hooks, group, (broken, whole))
    monkeypatch.setattr(hooks.logger, "propagate", True)
    with caplog.at_level(logging.WARNING):
        hooks.report()
    hooks.replace()
    assert applied == ["whole"]
    assert [record.getMessage() for record in caplog.records] == [
        "broken is left out, for this Prefect lacks: prefect.flow_engine:gone_since."
    ]
