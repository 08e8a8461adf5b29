from dz.tasklib.appservers import stop
from dz.zoomdb.models import Deployment
from dz.zoomdb.states import DeploymentState


def test_only_a_retiring_instance_is_stopped_and_a_repeat_does_no_harm(site):
    site.boot()
    site.check()
    site.stop()
    assert site.state == DeploymentState.HEALTHY  # nobody has marked it
    assert site.name in site.supervisor.names()
    site.retire()
    site.stop()
    site.stop()
    assert site.name not in site.supervisor.names()
    assert site.state == DeploymentState.STOPPED
    assert not site.instance.own.exists()


def test_what_visitors_have_uploaded_outlives_the_instance(site):
    site.boot()
    upload = site.instance.media / "cat.jpg"
    upload.write_text("cat")
    site.retire()
    site.stop()
    assert upload.read_text() == "cat"
    upload.unlink()


def test_an_instance_that_never_became_healthy_is_given_up_and_any_other_is_not(site):
    def give_up():
        stop.give_up(site.zoomdb, site.supervisor, site.instance.deployment_id, folder=site.instance.folder)

    site.boot()
    site.check()
    give_up()
    assert (site.state, site.name in site.supervisor.names()) == (DeploymentState.HEALTHY, True)
    with site.zoomdb.session() as session:
        session.get_one(Deployment, site.instance.deployment_id).state = DeploymentState.STARTING
    give_up()
    assert (site.state, site.name in site.supervisor.names()) == (DeploymentState.FAILED, False)


def test_an_end_that_is_known_is_not_overwritten(site):
    site.boot()
    site.retire()
    site.stop()
    stop.fail(site.zoomdb, site.supervisor, site.instance.deployment_id, folder=site.instance.folder)
    assert site.state == DeploymentState.STOPPED
