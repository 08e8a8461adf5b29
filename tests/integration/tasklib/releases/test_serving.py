"""What serves is what the servers of a project say when they are asked."""

from sqlalchemy import func, update

from dz.tasklib.messages import observations
from dz.tasklib.releases import releases, serving
from dz.tasklib.servers import heartbeats
from dz.zoomdb import Zoomdb
from dz.zoomdb.models import Deployment, Server
from dz.zoomdb.states import DeploymentState
from tests.conftest import make_release

LOAD = heartbeats.Load(0, 0, 0, 0, 0)


def test_each_appserver_and_each_proxy_is_asked_and_a_silent_one_is_named(zoomdb: Zoomdb) -> None:
    release = make_release(zoomdb)
    for name in ("appserver-1", "appserver-2", "proxy-1", "proxy-2"):
        role = name.partition("-")[0]
        heartbeats.beat(zoomdb, name, role=role, address="10.0.0.1", capacity=9, load=LOAD)
    with zoomdb.session() as session:
        [first, second] = session.query(Server.id).filter(Server.role == "appserver").order_by(Server.id)
        for number, server in enumerate((first[0], second[0])):
            session.add(
                Deployment(release_id=release, server_id=server, port=number + 1, state=DeploymentState.HEALTHY)
            )
    with zoomdb.session() as session:
        project = session.get_one(releases.Release, release).project_id
    assert serving.ask(zoomdb, project) is None, "nothing is published"
    releases.publish(zoomdb, release)
    asked = []

    def look(server: str, project_id: int) -> None:
        asked.append(server)
        wrong = {"appserver-2": "its app instance does not run", "proxy-1": "shows site v0"}
        observations.write(zoomdb, server, project_id, wrong=wrong.get(server, ""))

    with zoomdb.session() as session:
        old = func.now() - func.make_interval(0, 0, 0, 0, 0, 5)
        session.execute(update(Server).where(Server.name == "proxy-2").values(heartbeat=old))
    seen = serving.ask(zoomdb, project, look=look)
    assert seen
    assert sorted(asked) == ["appserver-1", "appserver-2", "proxy-1"]
    assert not seen.well
    assert set(seen.wrong) == {"appserver-2", "proxy-1", "proxy-2"}
    assert seen.sentence().startswith(
        "appserver-2: its app instance does not run; proxy-1: shows site v0; proxy-2: has"
    )
    states = {server: state for server, _, state in releases.listed(zoomdb, project, wrong=seen.wrong)[0].deployments}
    assert states == {"appserver-1": "serving", "appserver-2": "silent"}
