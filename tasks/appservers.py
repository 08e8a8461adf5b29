"""Tasks of appservers."""

import contextlib
from collections.abc import Iterator

from dz import wiring
from dz.adapters.archive import Layer
from dz.errors import DzError, WrongServer
from dz.settings import settings
from dz.tasklib.appservers import answers, health, hostnames, install, stop
from dz.tasklib.appservers import boot as booting
from dz.tasklib.jobs import jobs, log
from dz.tasklib.messages import observations
from tasks.policy import without_run
from tasks.roles import on_role
from tasks.servers import alive

SUSPICIOUS = 600.0
"""Seconds for which the files of a site are suspected after it was seen not to serve."""


@contextlib.contextmanager
def freed_on_failure(release: int, server: str) -> Iterator[None]:
    """Free a release's place on this server if it does not become healthy here."""
    try:
        yield
    except WrongServer:
        raise  # another server's place
    except Exception:
        with contextlib.suppress(DzError):
            instance = wiring.app_instance(release, server)
            stop.give_up(wiring.zoomdb(), wiring.supervisor(server), instance.deployment_id, folder=instance.folder)
        raise


@on_role("appserver")
def create_project_user(job: int, release: int, *, server: str) -> None:
    """Create the project's Unix user and home folder, where the platform may."""
    instance = wiring.app_instance(release, server)
    wiring.sandbox(instance.sysid, "appserver", server)


@on_role("appserver")
def fetch_environment(job: int, sha256: str, size: int, *, server: str) -> None:
    """Download and extract a virtualenv that a release will likely have."""
    folder = wiring.server_dir("appserver", server)
    install.ensure_virtualenv(Layer("environment", sha256, size), folder=folder, store=wiring.bundle_store())


@on_role("appserver")
def install_bundle(job: int, release: int, *, server: str) -> None:
    """Download the bundle's layers, verify their checksums, extract them safely, write the instance's variables."""
    instance = wiring.app_instance(release, server)
    wrong = observations.last_wrong(wiring.zoomdb(), server, instance.project_id, seconds=SUSPICIOUS)
    install.install(instance, store=wiring.bundle_store(), pythons=wiring.pythons(), renew=bool(wrong))
    wiring.configure(instance)


@on_role("appserver")
def boot(job: int, release: int, *, server: str) -> None:
    """Start the release under supervision, as the project's user."""
    instance = wiring.app_instance(release, server)
    walls = wiring.walls_named()
    booting.boot(instance, supervisor=wiring.supervisor(server))
    log.note(wiring.zoomdb(), job, [], info=f"Walls on {server}: {walls}. Limits: {wiring.limits_in_force()}.")


@on_role("appserver")
def warm_up(job: int, release: int, *, server: str) -> None:
    """Have the release load what its first request needs; its health is checked when its hooks have run."""
    instance, timeout = wiring.app_instance(release, server), settings().health_timeout
    booting.warm_up(instance, supervisor=wiring.supervisor(server), timeout=timeout)


@on_role("appserver")
def wait_until_healthy(job: int, release: int, *, server: str) -> None:
    """Wait until the release answers; one that does not is taken down again."""
    instance, timeout = wiring.app_instance(release, server), settings().health_timeout
    found = health.check(wiring.zoomdb(), instance, supervisor=wiring.supervisor(server), timeout=timeout)
    jobs.set_result(wiring.zoomdb(), job, answers=found)
    if said := answers.sentence(found):
        log.note(wiring.zoomdb(), job, [], info=said)


@on_role("appserver")
def take_hosts(job: int, *, server: str) -> None:
    """Have the app instances of this server answer to the host names that their projects have now."""
    folder = wiring.server_dir("appserver", server)
    hostnames.write(wiring.zoomdb(), server, folder=folder, local_names=wiring.local_names())


@without_run
def appservers_of(project: int) -> list[str]:
    """Return the appservers that run a version of a project and are alive; another one catches up when it is back."""
    known = hostnames.serving(wiring.zoomdb(), project)
    return [server for server in alive("appserver") if server in known]


@on_role("appserver", outlives_job=True)
def stop_instance(job: int, deployment: int, *, server: str) -> None:
    """Stop an app instance and free its port."""
    folder = wiring.server_dir("appserver", server)
    stop.stop(wiring.zoomdb(), wiring.supervisor(server), deployment, folder=folder)
