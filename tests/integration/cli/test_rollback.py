from dz.cli import main
from dz.tasklib.jobs import jobs
from dz.zoomdb import Zoomdb
from tests.conftest import make_release
from tests.integration.cli.commands import dz


def test_a_rollback_of_an_unknown_project_makes_no_job(zoomdb: Zoomdb, capsys) -> None:
    assert dz(capsys, "rollback", "shop")[1]["error"]["code"] == "UnknownProject"
    assert jobs.newest(zoomdb) == []


def test_a_rollback_asks_for_a_version_by_its_number(zoomdb: Zoomdb, capsys) -> None:
    make_release(zoomdb)
    assert main.run(["rollback", "site", "3"]) == 1  # no Prefect server is known here
    (job,) = jobs.newest(zoomdb)
    assert (job.kind, job.project, job.state) == ("rollback", "site", "failed")
    assert job.params == {"project": "site", "version": 3, "accepted": False}
    assert main.run(["rollback", "site", "0"]) == 2
    assert len(jobs.newest(zoomdb)) == 1
