"""An order keeps what belongs to one run apart from what all runs of its pool share."""

from pathlib import Path
from uuid import UUID

import pytest
from prefect.client.schemas.objects import FlowRun

from dz.worker.orders import WarmJobConfiguration, folder_of, order

RUN = FlowRun(id=UUID(int=1), flow_id=UUID(int=2), name="a run")


def test_variables_of_one_run_stand_apart(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DZ_CANARY", "of the worker")
    configuration = WarmJobConfiguration(env={"PROBE": "of the pool"}, stream_output=False)
    found = order(RUN, configuration, Path("/srv"), variables={"PREFECT__FLOW_RUN_ID": "1"})
    assert found["environment"]["DZ_CANARY"] == "of the worker"
    assert found["environment"]["PROBE"] == "of the pool"
    assert not any(name.startswith("PREFECT__") for name in found["environment"])
    assert found["own"]["PREFECT__FLOW_RUN_ID"] == "1"
    assert (found["run"], found["folder"], found["shown"]) == (str(RUN.id), "/srv", False)
    assert found["objects"] == {}


def test_a_run_works_in_the_folder_of_its_pool_or_in_one_of_its_own(tmp_path: Path) -> None:
    with folder_of(WarmJobConfiguration(working_dir=tmp_path)) as folder:
        assert folder == tmp_path
    with folder_of(WarmJobConfiguration()) as folder:
        assert folder.is_dir()
    assert not folder.exists()
