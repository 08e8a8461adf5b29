"""Release hooks of an app instance: in a new process, or in the instance that has loaded the project."""

import pytest

from dz.adapters.sandbox import UserSandbox
from dz.adapters.walls import cgroups
from dz.errors import HealthCheckFailed, HookFailed, OutOfMemory
from dz.tasklib.appservers import hooks
from dz.tasklib.jobs import jobs
from dz.zoomdb.models import Release
from dz.zoomdb.states import DeploymentState, JobKind
from tests.integration.tasklib.appservers.conftest import GROUP, LIMITS


def run_hooks(site):
    sandbox = UserSandbox(site.user, site.instance.home, limits=LIMITS, group=GROUP)
    job = jobs.open_job(site.zoomdb, JobKind.BUILD_AND_DEPLOY, params={})
    hooks.run_hooks(site.zoomdb, site.instance, job, supervisor=site.supervisor, sandbox=sandbox, timeout=20)


def ran(site):
    """What each hook did, as whom, and whether where the project's application was loaded."""
    return (site.instance.home / "hooks").read_text().splitlines()


def done(site):
    with site.zoomdb.session() as session:
        return session.get_one(Release, site.instance.release_id).hooks_done is not None


def test_hooks_run_once_in_a_new_process_of_the_projects_user(site):
    site.boot("django", hooks=("hook one", "hook two"))
    for _ in range(2):
        run_hooks(site)
    assert ran(site) == [f"one {site.uid} False", f"two {site.uid} False"]
    assert done(site)


def test_a_held_instance_runs_them_in_what_it_has_loaded_and_serves_then(site):
    site.boot("django", loads_once=True, hooks=("hook one",))
    run_hooks(site)
    site.check()
    assert ran(site) == [f"one {site.uid} True"]
    assert done(site)
    assert site.get()[0] == site.uid


def test_a_hook_that_fails_is_told_and_a_held_instance_serves_nothing(site):
    site.boot("django", loads_once=True, hooks=("hook fail",))
    with pytest.raises(HookFailed, match="no more paint"):
        run_hooks(site)
    assert not done(site)
    with pytest.raises(HealthCheckFailed):
        site.check(2)


@pytest.mark.skipif(not cgroups.trees(), reason="this process may make no control groups")
@pytest.mark.parametrize("loads_once", [True, False])
def test_a_hook_that_needs_more_memory_than_it_may_use_is_told_so(site, loads_once):
    site.boot("django", loads_once=loads_once, hooks=("hook hog",))
    with pytest.raises(
        OutOfMemory, match=r"manage\.py hook hog failed with code -9\. A process of the site needed more"
    ):
        run_hooks(site)
    assert not done(site)


def test_a_held_instance_that_does_not_load_is_taken_down_with_its_last_lines(site):
    site.boot("crash", loads_once=True, hooks=("hook one",))
    with pytest.raises(HealthCheckFailed, match=r"(?s)ended while it started.*no such table: sky"):
        run_hooks(site)
    assert site.state == DeploymentState.FAILED
    assert not done(site)
