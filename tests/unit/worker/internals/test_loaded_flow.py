"""A run begins with the flow that was imported from just the file that it names."""

from pathlib import Path
from uuid import UUID

import pytest
from prefect import flow_engine
from prefect.client.schemas.objects import FlowRun

from dz.worker.internals import loaded_flow
from flows.deploy import deploy
from tests import ROOT


def test_a_flow_of_the_working_directory_is_not_loaded_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    assert loaded_flow.imported("flows/deploy.py:deploy") is deploy


@pytest.mark.parametrize("where", ["flows/deploy.py:partial", "flows/deploy.py:gone", "flows/gone.py:deploy", ""])
def test_what_is_no_imported_flow_is_left_to_prefect(monkeypatch: pytest.MonkeyPatch, where: str) -> None:
    monkeypatch.chdir(ROOT)
    assert loaded_flow.imported(where) is None


def test_a_flow_of_another_checkout_is_left_to_prefect(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "flows").mkdir()
    (tmp_path / "flows" / "deploy.py").touch()
    monkeypatch.chdir(tmp_path)
    assert loaded_flow.imported("flows/deploy.py:deploy") is None


def test_the_engine_is_given_the_run_and_the_flow(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("load_flow", "load_flow_run"):
        monkeypatch.setattr(flow_engine, name, getattr(flow_engine, name))
    monkeypatch.chdir(ROOT)
    monkeypatch.setenv("PREFECT__FLOW_ENTRYPOINT", "flows/deploy.py:deploy")
    run = FlowRun(id=UUID(int=1), flow_id=UUID(int=2), name="a run")
    loaded_flow.begin_with(run.model_dump_json())
    assert flow_engine.load_flow_run(run.id) == run
    assert flow_engine.load_flow(run) is deploy
