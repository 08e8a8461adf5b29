"""An error of a subflow, on its way to the parent on another server."""

import pytest

from dz.errors import FailureRecord, NoAppserver
from dz.tasklib.jobs import failures
from dz.zoomdb import Zoomdb


def test_the_parent_reads_the_error_that_its_child_ended_with(zoomdb: Zoomdb) -> None:
    with pytest.raises(NoAppserver), failures.reported_to_parent(zoomdb, "run-1"):
        raise NoAppserver("All are full.", "Start another one.")
    assert failures.of_child(zoomdb, "run-1") == FailureRecord("NoAppserver", "All are full.", "Start another one.")
    assert failures.of_child(zoomdb, "run-2") is None


def test_a_child_that_is_run_again_reports_its_last_error(zoomdb: Zoomdb) -> None:
    for found in ("All are full.", "All are silent."):
        with pytest.raises(NoAppserver), failures.reported_to_parent(zoomdb, "run-1"):
            raise NoAppserver(found, "Start another one.")
    record = failures.of_child(zoomdb, "run-1")
    assert record
    assert record.found == "All are silent."


def test_an_error_that_nobody_foresaw_tells_its_kind_and_no_secret(zoomdb: Zoomdb) -> None:
    with pytest.raises(RuntimeError), failures.reported_to_parent(zoomdb, "run-1"):
        raise RuntimeError("password=hunter2")
    record = failures.of_child(zoomdb, "run-1")
    assert record
    assert (record.code, record.found) == (
        "Unexpected",
        "An error that DjangoZoom does not know: RuntimeError.",
    )


def test_a_child_that_ends_well_reports_nothing(zoomdb: Zoomdb) -> None:
    with failures.reported_to_parent(zoomdb, "run-1"):
        pass
    assert failures.of_child(zoomdb, "run-1") is None
