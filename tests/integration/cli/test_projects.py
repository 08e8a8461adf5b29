from dz.cli import main
from dz.tasklib import projects
from dz.tasklib.releases import releases
from dz.tasklib.servers import heartbeats
from dz.zoomdb import Zoomdb
from dz.zoomdb.models import Deployment, Server
from dz.zoomdb.states import DeploymentState
from tests.conftest import make_release
from tests.integration.cli.commands import dz


def test_projects_and_their_versions_are_listed(zoomdb: Zoomdb, capsys) -> None:
    projects.ensure(zoomdb, name="shop", url="https://example.org/shop.git", ref=None)
    code, found = dz(capsys, "projects")
    assert (code, found["projects"][0]["name"], found["projects"][0]["source_url"]) == (
        *(0, "shop"),
        "https://example.org/shop.git",
    )
    assert dz(capsys, "versions", "shop") == (0, {"project": "shop", "versions": [], "serving": None})


def test_versions_of_an_unknown_project_are_an_error(zoomdb: Zoomdb, capsys) -> None:
    assert dz(capsys, "versions", "none")[1]["error"]["code"] == "UnknownProject"


def test_the_current_version_is_marked_and_says_where_it_runs(zoomdb: Zoomdb, capsys) -> None:
    release = make_release(zoomdb)
    heartbeats.register(zoomdb, "app-1", role="appserver", address="127.0.0.1", capacity=5)
    with zoomdb.session() as session:
        server = session.query(Server).one()
        session.add(Deployment(release_id=release, server_id=server.id, port=21000, state=DeploymentState.HEALTHY))
    releases.publish(zoomdb, release)
    assert main.run(["versions", "site"]) == 0
    written = capsys.readouterr().out
    assert "1 *" in written
    assert "app-1:21000 silent" in written, "it has no heartbeat, so nobody can say that it serves"
    (version,) = dz(capsys, "versions", "site")[1]["versions"]
    assert (version["number"], version["current"], version["deployments"]) == (1, True, [["app-1", 21000, "silent"]])
