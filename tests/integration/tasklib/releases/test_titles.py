"""Runs are named after a project and its version, also before that version exists."""

from sqlalchemy import func

from dz.tasklib.bundles import bundles
from dz.tasklib.jobs import jobs
from dz.tasklib.releases import releases, titles
from dz.zoomdb import Zoomdb
from dz.zoomdb.models import Deployment, Project, Server
from dz.zoomdb.states import JobKind
from tests.manifests import MANIFEST


def test_a_title_names_project_and_version(zoomdb: Zoomdb) -> None:
    with zoomdb.session() as session:
        polls = Project(name="polls", title="Polls", source_url="https://example.org/polls")
        server = Server(name="app-1", role="appserver", address="127.0.0.1", heartbeat=func.now())
        session.add_all([polls, server])
        session.flush()
        project, server_id = polls.id, server.id
    job = jobs.open_job(zoomdb, JobKind.BUILD_AND_DEPLOY, params={})
    assert titles.project_of(zoomdb, job) == f"job {job}"
    assert titles.of_job(zoomdb, job) == f"job {job}"  # nobody has said which project it is about
    jobs.set_project(zoomdb, job, project)
    assert titles.of_project(zoomdb, project) == titles.project_of(zoomdb, job) == "polls"
    assert titles.of_job(zoomdb, job) == "polls v1"

    bundle = bundles.record(zoomdb, project, MANIFEST, message="A change", config="")
    first = releases.create(zoomdb, project, bundle)
    assert titles.of_release(zoomdb, first) == "polls v1"
    jobs.set_result(zoomdb, job, version=1)
    assert titles.of_job(zoomdb, job) == "polls v1"
    following = jobs.open_job(zoomdb, JobKind.BUILD_AND_DEPLOY, params={}, project_id=project)
    assert titles.of_job(zoomdb, following) == "polls v2"

    with zoomdb.session() as session:
        row = Deployment(release_id=first, server_id=server_id, port=21000)
        session.add(row)
        session.flush()
        deployment = row.id
    assert titles.of_deployment(zoomdb, deployment) == "polls v1"
