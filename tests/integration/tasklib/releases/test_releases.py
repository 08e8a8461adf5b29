"""Versions of a project in a real zoomdb: made, published, retired, gone back to."""

import datetime as dt
from dataclasses import replace

import pytest
from sqlalchemy import func, text

from dz.errors import UnknownVersion
from dz.tasklib.bundles import bundles
from dz.tasklib.bundles.manifest import Manifest
from dz.tasklib.messages import observations
from dz.tasklib.proxies import hosts
from dz.tasklib.releases import releases
from dz.tasklib.releases.releases import Retired
from dz.tasklib.variables import of_release, stored
from dz.zoomdb import Zoomdb
from dz.zoomdb.models import Deployment, Project, Release, Server
from dz.zoomdb.states import DeploymentState
from tests.manifests import MANIFEST, PLAN

HEALTHY, SERVING, DRAINING = DeploymentState.HEALTHY, DeploymentState.SERVING, DeploymentState.DRAINING


@pytest.fixture
def project(zoomdb: Zoomdb) -> int:
    """A project without versions, and an appserver that is alive; returns the project's id."""
    with zoomdb.session() as session:
        row = Project(name="site", title="Site", source_url="https://example.org/site")
        server = Server(name="app-1", role="appserver", address="127.0.0.1", heartbeat=func.now())
        session.add_all([row, server])
        session.flush()
        return row.id


def bundle(zoomdb: Zoomdb, project: int, manifest: Manifest = MANIFEST) -> int:
    number = bundles.record(zoomdb, project, manifest, message="A change", config="")
    bundles.mark_uploaded(zoomdb, number)
    return number


def version(
    zoomdb: Zoomdb, project: int, number: int, *, state: DeploymentState | None = HEALTHY, manifest: Manifest = MANIFEST
) -> int:
    """The next version, whose hooks have run, with an app instance in this state; returns the release's id."""
    release = releases.create(zoomdb, project, bundle(zoomdb, project, replace(manifest, name=f"b{number}")))
    with zoomdb.session() as session:
        session.get_one(Release, release).hooks_done = func.now()
        if state:
            server = session.query(Server).one()
            session.add(Deployment(release_id=release, server_id=server.id, port=21000 + number, state=state))
    return release


def states(zoomdb: Zoomdb) -> dict[int, DeploymentState]:
    with zoomdb.session() as session:
        return {row.release_id: row.state for row in session.query(Deployment)}


def test_versions_are_numbered_and_keep_the_variables_of_their_moment(zoomdb: Zoomdb, project: int) -> None:
    number = bundle(zoomdb, project)
    stored.put(zoomdb, project, {"COLOUR": "red"})
    first, second = (releases.create(zoomdb, project, number) for _ in range(2))
    assert [releases.number(zoomdb, release) for release in (first, second)] == [1, 2]
    stored.put(zoomdb, project, {"COLOUR": "blue"})
    with zoomdb.session() as session:
        sealed = session.get_one(Release, first).environment
    assert of_release.unseal(zoomdb, project, sealed) == {"COLOUR": "red"}
    assert releases.current(zoomdb, project) is None


def test_what_is_published_serves_and_what_served_drains(zoomdb: Zoomdb, project: int) -> None:
    first, second = version(zoomdb, project, 1), version(zoomdb, project, 2)
    starting = version(zoomdb, project, 3, state=DeploymentState.STARTING)
    retiring = version(zoomdb, project, 4, state=DeploymentState.RETIRING)
    others = {starting: DeploymentState.STARTING, retiring: DeploymentState.RETIRING}
    releases.publish(zoomdb, first)
    assert states(zoomdb) == {first: SERVING, second: DRAINING, **others}
    releases.publish(zoomdb, second)
    assert states(zoomdb) == {first: DRAINING, second: SERVING, **others}
    assert releases.current(zoomdb, project) == second
    assert [(view.number, view.current, view.published) for view in releases.listed(zoomdb, project)] == [
        (4, False, False),
        (3, False, False),
        (2, True, True),
        (1, False, True),
    ]
    assert releases.listed(zoomdb, project)[2].deployments == (("app-1", 21002, "serving"),)


def test_rollback_goes_to_what_users_saw_before(zoomdb: Zoomdb, project: int) -> None:
    first, second, third = (version(zoomdb, project, number) for number in (1, 2, 3))
    for release in (first, third, second):
        releases.publish(zoomdb, release)
    assert releases.rollback_target(zoomdb, project, None) == third
    assert releases.rollback_target(zoomdb, project, 1) == first
    assert releases.shown(zoomdb, project, None) == second


@pytest.mark.parametrize("why", ["no such number", "hooks have not run", "bundle is gone", "not uploaded"])
def test_a_version_that_cannot_be_served_is_no_target(zoomdb: Zoomdb, project: int, why: str) -> None:
    release = version(zoomdb, project, 1)
    with zoomdb.session() as session:
        row = session.get_one(Release, release)
        row.hooks_done = None if why == "hooks have not run" else row.hooks_done
        row.bundle.deleted = dt.datetime.now(dt.UTC) if why == "bundle is gone" else None
        row.bundle.uploaded = None if why == "not uploaded" else row.bundle.uploaded
    number = 9 if why == "no such number" else 1
    with pytest.raises(UnknownVersion, match=f"site has no version {number} that can be served"):
        releases.rollback_target(zoomdb, project, number)


def test_a_project_without_a_version_shows_none_and_has_none_before(zoomdb: Zoomdb, project: int) -> None:
    with pytest.raises(UnknownVersion, match="The project has no version yet"):
        releases.shown(zoomdb, project, None)
    releases.publish(zoomdb, version(zoomdb, project, 1))
    with pytest.raises(UnknownVersion, match="site has no version before the current one"):
        releases.rollback_target(zoomdb, project, None)


def test_old_versions_retire_but_those_kept_for_rollback_and_by_a_name_of_their_own(
    zoomdb: Zoomdb, project: int
) -> None:
    published = [version(zoomdb, project, number) for number in range(1, 6)]
    for release in published:
        releases.publish(zoomdb, release)
    never = version(zoomdb, project, 6)
    hosts.claim_host(zoomdb, project, "v1.example.org", release_id=published[0])
    with zoomdb.session() as session:
        numbers = {row.release_id: row.id for row in session.query(Deployment)}
    retired = releases.retire(zoomdb, project, keep=2)
    assert sorted(retired, key=lambda one: one.deployment_id) == [
        Retired(numbers[release], "app-1") for release in (*published[1:3], never)
    ]
    assert [state for _, state in sorted(states(zoomdb).items())] == [
        DRAINING,
        DeploymentState.RETIRING,
        DeploymentState.RETIRING,
        DRAINING,
        SERVING,
        DeploymentState.RETIRING,
    ]


def test_nothing_is_retired_that_a_proxy_still_shows_even_if_its_worker_is_away(zoomdb: Zoomdb, project: int) -> None:
    published = [version(zoomdb, project, number) for number in range(1, 4)]
    for release in published:
        releases.publish(zoomdb, release)
    with zoomdb.session() as session:
        for name in ("proxy-1", "proxy-2"):
            session.add(Server(name=name, role="proxy", address="127.0.0.1"))
        first = session.query(Deployment).filter(Deployment.release_id == published[0]).one()
        shown, number = f"{first.server.address}:{first.port}", first.id
    observations.write(zoomdb, "proxy-1", project, wrong="", upstreams=["127.0.0.1:21003"])
    observations.write(zoomdb, "proxy-2", project, wrong="", upstreams=[shown])
    assert number not in {one.deployment_id for one in releases.retire(zoomdb, project, keep=1)}
    observations.write(zoomdb, "proxy-2", project, wrong="", upstreams=["127.0.0.1:21003"])
    assert number in {one.deployment_id for one in releases.retire(zoomdb, project, keep=1)}


def test_a_build_is_spared_only_if_source_and_variables_are_the_same(zoomdb: Zoomdb, project: int) -> None:
    stored.put(zoomdb, project, {"COLOUR": "red"})
    assert releases.same_build(zoomdb, project, "key") is None
    release = version(zoomdb, project, 1, manifest=replace(MANIFEST, build_key="key"))
    assert releases.same_build(zoomdb, project, "key") is None  # users do not see it
    releases.publish(zoomdb, release)
    with zoomdb.session() as session:
        number = session.get_one(Release, release).bundle_id
    assert releases.same_build(zoomdb, project, "key") == number
    assert releases.same_build(zoomdb, project, "other") is None
    stored.put(zoomdb, project, {"COLOUR": "blue"})
    assert releases.same_build(zoomdb, project, "key") is None
    stored.put(zoomdb, project, {"COLOUR": "red"})
    with zoomdb.session() as session:
        session.get_one(Release, release).bundle.uploaded = None
    assert releases.same_build(zoomdb, project, "key") is None


def test_a_version_counts_as_served_only_while_each_of_its_instances_serves_on_a_server_that_is_alive(
    zoomdb: Zoomdb, project: int
) -> None:
    release = version(zoomdb, project, 1)
    with zoomdb.session() as session:
        number = session.get_one(Release, release).bundle_id
    assert releases.served_by(zoomdb, project, number) is None
    releases.publish(zoomdb, release)
    assert releases.served_by(zoomdb, project, number) == release
    assert releases.served_by(zoomdb, project, number + 1) is None
    with zoomdb.session() as session:
        session.execute(text("update server set heartbeat = now() - interval '31 seconds'"))
    assert releases.served_by(zoomdb, project, number) is None
    with zoomdb.session() as session:
        session.execute(text("update server set heartbeat = now()"))
        session.execute(text("update deployment set state = 'draining'"))
    assert releases.served_by(zoomdb, project, number) is None
    with zoomdb.session() as session:
        session.execute(text("update deployment set state = 'stopped'"))
    assert releases.served_by(zoomdb, project, number) is None


@pytest.mark.parametrize(
    ("old", "new", "boots"),
    [
        ({"schema": "s1"}, {"schema": "s1"}, True),
        ({"schema": "s1"}, {"schema": "s2"}, False),
        ({"schema": ""}, {"schema": ""}, False),  # it is not known
        ({"schema": "s1"}, {"schema": "s1", "database_type": "postgresql-gis"}, False),
        ({"schema": "s1"}, {"schema": "s1", "plan": replace(PLAN, hooks=("migrate", "loaddata x"))}, False),
        ({"schema": "s1"}, {"schema": "s2", "loads_once": True}, True),  # it waits by itself
    ],
)
def test_an_instance_boots_before_its_hooks_only_if_they_have_nothing_to_migrate(
    zoomdb: Zoomdb, project: int, old: dict[str, str], new: dict[str, object], boots: object
) -> None:
    before = version(zoomdb, project, 1, manifest=replace(MANIFEST, **old))
    releases.publish(zoomdb, before)
    after = version(zoomdb, project, 2, manifest=replace(MANIFEST, **new))
    assert releases.boots_before_hooks(zoomdb, after) is boots
    with zoomdb.session() as session:
        session.get_one(Release, before).hooks_done = None
    assert releases.boots_before_hooks(zoomdb, after) is bool(new.get("loads_once"))
