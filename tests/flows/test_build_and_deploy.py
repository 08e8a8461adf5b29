"""build_and_deploy, rollback and their failures as local flow runs on real services."""

import shutil
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from dz.errors import (
    DzError,
    HookFailed,
    HostTaken,
    RefNotFound,
    RepoUnreachable,
    UnknownVersion,
    WrongServer,
)
from dz.settings import settings
from dz.tasklib import projects
from dz.tasklib.jobs import jobs, log
from dz.tasklib.releases import releases
from dz.tasklib.variables import stored
from dz.zoomdb.models import Bundle, Deployment, Job, Release
from dz.zoomdb.states import DeploymentState
from tests.flows.conftest import POLLS, Platform


def _deploy(**request: Any) -> dict[str, Any]:
    from dz import wiring  # noqa: PLC0415
    from dz.worker import upkeep  # noqa: PLC0415
    from flows.build_and_deploy import build_and_deploy  # noqa: PLC0415
    from tasks.parameters import DeployRequest  # noqa: PLC0415

    for role in ("build", "database", "appserver", "proxy"):
        upkeep.beat(role, f"{role}-1")  # no worker does it here
    build_and_deploy(DeployRequest(**request))
    return jobs.newest(wiring.zoomdb(), limit=1)[0].result


def _get(url: str) -> tuple[int, str, str]:
    try:
        with urllib.request.urlopen(url, timeout=20) as answer:  # noqa: S310
            return answer.status, answer.read().decode(), answer.headers["X-DjangoZoom"]
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode(), error.headers["X-DjangoZoom"]


@pytest.fixture(scope="module")
def live(platform: Platform, prefect: None) -> dict[str, Any]:
    """The polls site, deployed once for the tests of this file."""
    url = platform.publish("polls", POLLS)
    return _deploy(url=url)


def _changed(tmp_path: Path, old: str, new: str, *, file: str) -> Path:
    tree = tmp_path / "tree"
    shutil.copytree(POLLS, tree, ignore=shutil.ignore_patterns("__pycache__"))
    path = tree / file
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))
    return tree


def test_an_unmodified_sqlite_project_goes_live_on_postgresql(live: dict[str, Any], platform: Platform) -> None:
    status, body, answered_by = _get(live["url"])
    assert (status, answered_by) == (200, "polls v1")
    assert "polls" in body.lower()
    job = jobs.newest(platform.zoomdb, limit=1)[0]
    steps = log.step_seconds(log.lines(platform.zoomdb, job.id))
    building = {"check out code", "create virtualenv", "verify", "archive bundle", "bundle upload"}
    assert {*building, "ensure database", "placement"} <= set(steps)


def test_a_second_version_replaces_the_first_and_rollback_brings_it_back(
    live: dict[str, Any], platform: Platform, tmp_path: Path
) -> None:
    template = next(path for path in POLLS.rglob("*.html") if "polls site" in path.read_text())
    tree = _changed(tmp_path, "polls site", "second polls site", file=str(template.relative_to(POLLS)))
    platform.publish("polls", tree)
    _deploy(project="polls")
    assert _get(live["url"])[2] == "polls v2"
    # Its database is there: nobody goes to the database server.
    steps = log.step_seconds(log.lines(platform.zoomdb, jobs.newest(platform.zoomdb, limit=1)[0].id))
    assert "ensure database" not in steps
    assert "second polls site" in _get(live["url"])[1]

    from flows.rollback import rollback  # noqa: PLC0415
    from tasks.parameters import VersionRequest  # noqa: PLC0415

    rollback(VersionRequest(project="polls"))
    status, body, answered_by = _get(live["url"])
    assert (status, answered_by) == (200, "polls v1")
    assert "second polls site" not in body


def _by_name(host: str) -> str:
    """Ask the proxy's main port for a host name and return who answered."""
    request = urllib.request.Request(f"http://127.0.0.1:{settings().proxy_port}/", headers={"Host": host})
    with urllib.request.urlopen(request, timeout=20) as answer:  # noqa: S310
        return str(answer.headers["X-DjangoZoom"])


def test_a_version_is_shown_under_a_host_name_of_its_own(live: dict[str, Any], platform: Platform) -> None:
    from flows.publish_host import publish_host  # noqa: PLC0415
    from tasks.parameters import HostRequest  # noqa: PLC0415

    publish_host(HostRequest(project="polls", host="second.polls.localhost", version=2))
    assert _by_name("second.polls.localhost") == "polls v2"
    assert _by_name("polls.localhost") == "polls v1"
    with pytest.raises(HostTaken):
        publish_host(HostRequest(project="polls", host="www.localhost"))
    with pytest.raises(UnknownVersion):
        publish_host(HostRequest(project="polls", host="www.example.org", version=99))


def test_an_attached_configuration_is_kept_for_later_deploys(live: dict[str, Any], platform: Platform) -> None:
    _deploy(project="polls", config="[project]\ntitle = Polls of the town\n")
    _deploy(project="polls")
    with platform.zoomdb.session() as session:
        assert "title = Polls of the town" in session.scalars(select(Bundle.config).order_by(Bundle.id.desc())).first()


def test_nothing_is_built_when_nothing_has_changed(live: dict[str, Any], platform: Platform) -> None:
    first = _deploy(project="polls")
    again = _deploy(project="polls")
    assert again["unchanged"] is True
    assert again["version"] == first["version"]
    assert again["url"] == live["url"]

    project = projects.find(platform.zoomdb, "polls").id
    stored.put(platform.zoomdb, project, {"GREETING": "hello"})
    changed = _deploy(project="polls")
    assert changed["version"] == first["version"] + 1
    assert _deploy(project="polls", rebuild=True)["version"] == first["version"] + 2


def test_a_version_with_an_instance_that_is_not_well_is_not_left_as_it_is(
    live: dict[str, Any], platform: Platform
) -> None:
    _deploy(project="polls")
    zoomdb = platform.zoomdb
    project = projects.find(zoomdb, "polls").id
    current = releases.current(zoomdb, project)
    assert current is not None
    with zoomdb.session() as session:
        bundle = session.get_one(Release, current).bundle_id
        row = session.scalars(select(Deployment).where(Deployment.release_id == current)).one()
        assert releases.served_by(zoomdb, project, bundle) == current
        row.state = DeploymentState.DRAINING
    assert releases.served_by(zoomdb, project, bundle) is None
    with zoomdb.session() as session:
        row = session.scalars(select(Deployment).where(Deployment.release_id == current)).one()
        row.state = DeploymentState.SERVING


def test_a_release_boots_before_its_hooks_if_it_loads_the_same_for_both_or_has_no_new_migration(
    live: dict[str, Any], platform: Platform, tmp_path: Path
) -> None:
    tree = tmp_path / "tree"
    shutil.copytree(POLLS, tree, ignore=shutil.ignore_patterns("__pycache__"))
    last = max(path for path in (tree / "polls" / "migrations").glob("0*.py"))
    (last.parent / "0900_nothing.py").write_text(
        "from django.db import migrations\n\n\nclass Migration(migrations.Migration):\n"
        f"    dependencies = [('polls', '{last.stem}')]\n    operations = []\n"
    )
    settings = next(tree.rglob("settings.py"))
    settings.write_text(settings.read_text() + "\nimport sys\nMIGRATES = 'migrate' in sys.argv\n")
    _deploy(project="polls", rebuild=True)
    assert _boots_beside_hooks(platform)
    platform.publish("polls", tree)
    _deploy(project="polls")
    assert not _boots_beside_hooks(platform)
    _deploy(project="polls", rebuild=True)
    assert _boots_beside_hooks(platform)


def _boots_beside_hooks(platform: Platform) -> bool:
    job = jobs.newest(platform.zoomdb, limit=1)[0].id
    order = [(str(line.type), line.step.split(" on ")[0]) for line in log.lines(platform.zoomdb, job)]
    if ("step_begin", "warm up") not in order:
        return False
    return order.index(("step_begin", "boot")) < order.index(("step_end", "run release hooks"))


def test_a_migration_that_fails_leaves_the_old_version_serving(
    live: dict[str, Any], platform: Platform, tmp_path: Path
) -> None:
    served = _get(live["url"])[2]
    tree = tmp_path / "tree"
    shutil.copytree(POLLS, tree, ignore=shutil.ignore_patterns("__pycache__"))
    migrations = next(path.parent for path in tree.rglob("0001_initial.py"))
    last = max(migrations.glob("0*.py")).stem
    (migrations / "0099_broken.py").write_text(
        "from django.db import migrations\n"
        "def fail(apps, schema_editor):\n    raise RuntimeError('this migration fails')\n"
        f"class Migration(migrations.Migration):\n    dependencies = [('polls', '{last}')]\n"
        "    operations = [migrations.RunPython(fail)]\n"
    )
    platform.publish("polls", tree)
    with pytest.raises(HookFailed, match="0099_broken"):
        _deploy(project="polls")
    assert _get(live["url"])[2] == served
    job = jobs.newest(platform.zoomdb, limit=1)[0]
    assert (job.state, job.failure.code if job.failure else None) == ("failed", "HookFailed")


def _counts(platform: Platform) -> tuple[int, int, int]:
    with platform.zoomdb.session() as session:
        return tuple(len(list(session.scalars(select(table.id)))) for table in (Bundle, Release, Deployment))  # type: ignore[return-value]


@pytest.mark.parametrize(
    ("request_", "error"),
    [
        ({"project": "polls", "ref": "no-such-branch"}, RefNotFound),
        ({"project": "polls", "url": "git://127.0.0.1:1/polls.git"}, DzError),
        ({"url": "/etc"}, DzError),
        ({"url": "hg+https://example.org/repo"}, DzError),
    ],
)
def test_a_wrong_source_is_named_and_changes_nothing(
    live: dict[str, Any], platform: Platform, request_: dict[str, str], error: type[DzError]
) -> None:
    before = _counts(platform), _get(live["url"])[2]
    with pytest.raises(error) as raised:
        _deploy(**request_)
    assert raised.value.actor == "project owner"
    assert (_counts(platform), _get(live["url"])[2]) == before


def test_a_repository_that_is_gone_is_unreachable(live: dict[str, Any], platform: Platform) -> None:
    with pytest.raises(RepoUnreachable):
        _deploy(project="polls", url=f"{platform.git_url}/nothing-here.git")


def test_work_of_another_role_or_server_is_refused_before_it_touches_anything(
    live: dict[str, Any], platform: Platform, monkeypatch: pytest.MonkeyPatch
) -> None:
    from flows.deploy import deploy  # noqa: PLC0415

    release = releases.current(platform.zoomdb, platform.project_id("polls"))
    with platform.zoomdb.session() as session:
        job = session.scalars(select(Job.id).limit(1)).one()
    for role, server in (("build", "build-1"), ("appserver", "appserver-2")):
        monkeypatch.setenv("DZ_ROLE", role)
        monkeypatch.setenv("DZ_SERVER_ID", server)
        settings.cache_clear()
        with pytest.raises(WrongServer, match="nothing was done"):
            deploy(release=release, server="appserver-1", job=job)
    monkeypatch.undo()
    settings.cache_clear()
