"""Tasks of appservers."""

import contextlib
from collections.abc import Iterator

from dz import wiring
from dz.adapters.archive import Layer
from dz.errors import DzError, WrongServer
from dz.settings import settings
from dz.tasklib.appservers import appservers, deploys, instances
from tasks.roles import on_role


@contextlib.contextmanager
def freed_on_failure(release: int, server: str) -> Iterator[None]:
    """Give back a release's place on this server if it does not become healthy here."""
    try:
        yield
    except WrongServer:
        raise  # another server's place
    except Exception:
        with contextlib.suppress(DzError):
            place = wiring.target(release, server)
            appservers.give_up(wiring.zoomdb(), wiring.supervisor(server), place.deployment_id, folder=place.folder)
        raise


@on_role("appserver")
def create_project_user(job: int, release: int, *, server: str) -> None:
    """Create the project's Unix user and home folder, where the platform may."""
    place = wiring.target(release, server)
    wiring.sandbox(place.sysid, "appserver", server)


@on_role("appserver")
def fetch_environment(job: int, sha256: str, size: int, *, server: str) -> None:
    """Download and extract an environment that a release will likely have."""
    folder = wiring.server_dir("appserver", server)
    instances.ensure_environment(Layer("environment", sha256, size), folder=folder, store=wiring.bundle_store())


@on_role("appserver")
def install_bundle(job: int, release: int, *, server: str) -> None:
    """Download the bundle's layers, verify their checksums, extract them safely, write the instance's environment."""
    place = wiring.target(release, server)
    deploys.install(place, store=wiring.bundle_store(), interpreters=wiring.interpreters())
    deploys.configure(wiring.zoomdb(), place, owner=wiring.owner(place.sysid))


@on_role("appserver")
def boot(job: int, release: int, *, server: str) -> None:
    """Start the release under supervision, as the project's user."""
    place = wiring.target(release, server)
    deploys.boot(place, supervisor=wiring.supervisor(server), user=settings().unix_user(place.sysid))


@on_role("appserver")
def warm_up(job: int, release: int, *, server: str) -> None:
    """Have the release load what its first request needs; whether it is healthy is asked when its hooks have run."""
    place, deadline = wiring.target(release, server), settings().health_timeout
    deploys.warm_up(place, supervisor=wiring.supervisor(server), deadline=deadline)


@on_role("appserver")
def wait_until_healthy(job: int, release: int, *, server: str) -> None:
    """Wait until the release answers; one that does not is taken down again."""
    place, deadline = wiring.target(release, server), settings().health_timeout
    deploys.check(wiring.zoomdb(), place, supervisor=wiring.supervisor(server), deadline=deadline)


@on_role("appserver")
def stop_instance(job: int, deployment: int, *, server: str) -> None:
    """Stop an app instance and free its port."""
    folder = wiring.server_dir("appserver", server)
    appservers.stop(wiring.zoomdb(), wiring.supervisor(server), deployment, folder=folder)
