from pathlib import Path

from dz.errors import BundleMissing
from dz.tasklib.appservers import reconcile
from dz.tasklib.servers import placement
from dz.zoomdb.models import Deployment, Release
from dz.zoomdb.states import DeploymentState


def test_what_has_no_row_is_removed_and_what_has_no_instance_is_started(site):
    site.boot()
    site.check()
    logs = site.instance.logs
    site.supervisor.add("app-999999", ["/bin/sleep", "60"], cwd=Path("/"), logs=logs)
    restarted = []
    site.reconcile(restarted.append)
    assert (reconcile.running(site.supervisor), restarted) == ({site.instance.deployment_id}, [])
    site.supervisor.remove(site.name)
    site.reconcile(restarted.append)
    assert restarted == [site.instance.deployment_id]


def test_what_is_still_starting_is_left_to_the_deploy_that_starts_it(site):
    restarted = []
    site.reconcile(restarted.append)
    assert (restarted, site.state) == ([], DeploymentState.STARTING)


def test_what_was_told_to_retire_while_the_server_was_away_is_stopped(site):
    site.boot()
    site.check()
    site.retire()
    site.reconcile(lambda number: None)
    assert site.state == DeploymentState.STOPPED
    assert site.name not in site.supervisor.names()


def test_an_instance_that_cannot_be_started_does_not_keep_others_from_it(site, caplog):
    with site.zoomdb.session() as session:
        first = session.get_one(Release, site.instance.release_id)
        others = [
            Release(project_id=first.project_id, number=n, bundle_id=first.bundle_id, environment=b"") for n in (2, 3)
        ]
        session.add_all(others)
        session.flush()
        releases = [other.id for other in others]
    another = [placement.place(site.zoomdb, number, port_range=(23000, 23900))[0].deployment_id for number in releases]
    with site.zoomdb.session() as session:
        session.query(Deployment).filter(Deployment.id.in_(another)).update({"state": DeploymentState.HEALTHY})
    tried = []

    def restart(deployment_id):
        tried.append(deployment_id)
        raise BundleMissing("It is gone.", "Deploy anew.") if len(tried) == 1 else RecursionError

    site.reconcile(restart)
    assert sorted(tried) == sorted(another)
    assert "failed, the rest goes on: It is gone." in caplog.text
    assert "RecursionError" in caplog.text
