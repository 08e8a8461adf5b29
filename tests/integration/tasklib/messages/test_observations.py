"""Servers are asked over a real zoomdb how a project is there."""

import threading

import pytest

from dz.errors import ServiceUnavailable
from dz.tasklib.messages import observations
from dz.tasklib.servers import heartbeats
from dz.zoomdb import Zoomdb, notices
from dz.zoomdb.models import Project


@pytest.fixture
def project(zoomdb: Zoomdb) -> int:
    for name in ("proxy-1", "appserver-1"):
        heartbeats.register(zoomdb, name, role=name.partition("-")[0], address="10.0.0.1", capacity=1)
    with zoomdb.session() as session:
        row = Project(name="site", title="Site", source_url="https://example.org/site")
        session.add(row)
        session.flush()
        return row.id


def test_who_is_asked_says_how_it_is_now_and_not_what_was_seen_before(zoomdb: Zoomdb, project: int) -> None:
    observations.write(zoomdb, "proxy-1", project, wrong="", upstreams=["10.0.0.1:1"])
    observations.write(zoomdb, "appserver-1", project, wrong="was broken")
    listening, looked = threading.Event(), []
    other = Zoomdb(zoomdb.url, zoomdb._key_file)

    def look(asked: int) -> None:
        looked.append(asked)
        observations.write(other, "proxy-1", asked, wrong="shows another version")
        listening.set()

    thread = threading.Thread(target=observations.answer, args=(other, look), daemon=True)
    thread.start()
    while not listening.wait(0.1):
        notices.send(zoomdb, notices.ASKED, str(project))  # until it listens
    found = observations.ask(zoomdb, project, {"proxy-1", "appserver-1"}, patience=2)
    assert found["proxy-1"] == "shows another version"
    assert "does not say within 2 s" in found["appserver-1"]
    assert set(looked) == {project}
    assert observations.last_wrong(zoomdb, "appserver-1", project, seconds=60) == "was broken"
    assert observations.last_wrong(zoomdb, "appserver-1", project, seconds=0) == ""


def test_nobody_is_waited_for_when_nobody_is_asked(zoomdb: Zoomdb, project: int) -> None:
    assert observations.ask(zoomdb, project, set(), patience=0) == {}


def test_a_zoomdb_that_is_away_is_said(tmp_path) -> None:
    away = Zoomdb("postgresql+psycopg2://nobody@127.0.0.1:1/none", tmp_path / "none")
    with pytest.raises(ServiceUnavailable):
        observations.ask(away, 1, {"proxy-1"})
