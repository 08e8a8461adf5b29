from dz.cli import main
from dz.tasklib.jobs import jobs
from dz.zoomdb import Zoomdb
from tests.conftest import make_release
from tests.integration.cli.commands import dz


def test_a_host_name_is_asked_for_as_nginx_will_know_it(zoomdb: Zoomdb, capsys) -> None:
    make_release(zoomdb)
    main.run(["host", "site", "WWW.Bücher.example", "--version", "2"])
    (job,) = jobs.newest(zoomdb)
    assert (job.kind, job.project) == ("publish", "site")
    assert job.params == {"project": "site", "host": "www.xn--bcher-kva.example", "version": 2}


def test_what_is_no_host_name_makes_no_job(zoomdb: Zoomdb, capsys) -> None:
    make_release(zoomdb)
    assert dz(capsys, "host", "site", "*.example.org")[1]["error"]["code"] == "InvalidName"
    assert dz(capsys, "host", "none", "www.example.org")[1]["error"]["code"] == "UnknownProject"
    assert jobs.newest(zoomdb) == []
