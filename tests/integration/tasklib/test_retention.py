"""What is removed from servers and the bundle store, and what never is; rows on a real PostgreSQL."""

import datetime as dt
import hashlib
import json
import os
import shutil
import subprocess
import time
from dataclasses import asdict, replace
from pathlib import Path

import pytest
from sqlalchemy import func, select, text, update

from dz.adapters.archive import Kind, Layer
from dz.adapters.bundle_store import DirectoryBundleStore, layer_key
from dz.adapters.interpreters import Download
from dz.errors import BundleMissing
from dz.tasklib import retention
from dz.tasklib.bundles import bundles, layers
from dz.tasklib.bundles.manifest import Manifest
from dz.tasklib.releases import releases
from dz.zoomdb import Zoomdb
from dz.zoomdb.models import (
    Bundle,
    ChildFailure,
    ConfigGuess,
    Deployment,
    Job,
    JobLog,
    Launch,
    Project,
    Release,
    Server,
    Standby,
)
from dz.zoomdb.states import DeploymentState, JobKind, JobState, LogType
from tests.manifests import MANIFEST

HOURS = 3600


@pytest.fixture
def site(zoomdb: Zoomdb) -> int:
    """A project with four published versions, of which the last two run on appserver-1; returns its id."""
    with zoomdb.session() as session:
        server = Server(name="appserver-1", role="appserver", address="127.0.0.1")
        project = Project(name="site", title="Site", source_url="https://example.org/site")
        session.add_all([server, project])
        session.flush()
        project_id, server_id = project.id, server.id
    for number in range(1, 5):
        manifest = _manifest(number)
        bundle = bundles.record(zoomdb, project_id, manifest, message="", config="")
        bundles.mark_uploaded(zoomdb, bundle)
        release = releases.create(zoomdb, project_id, bundle)
        releases.publish(zoomdb, release)
        if number > 2:
            with zoomdb.session() as session:
                state = DeploymentState.SERVING if number == 4 else DeploymentState.DRAINING
                session.add(Deployment(release_id=release, server_id=server_id, port=20000 + number, state=state))
    return project_id


def _sha(kind: str, number: int) -> str:
    return hashlib.sha256(f"{kind}{number}".encode()).hexdigest()


def _manifest(number: int) -> Manifest:
    kinds: tuple[Kind, ...] = ("environment", "code", "static")
    layers = tuple(Layer(kind, _sha(kind, number), 10) for kind in kinds)
    return replace(MANIFEST, name=f"bundle-{number}", virtualenv_key=_sha("key", number), layers=layers)


def _folder(path: Path, *, hours: float = 2) -> Path:
    path.mkdir(parents=True)
    (path / "file").write_text("x")
    _age(path, hours)
    return path


def _age(path: Path, hours: float) -> None:
    then = time.time() - hours * HOURS
    os.utime(path, (then, then))


def test_an_appserver_keeps_what_its_instances_run_from_and_what_is_fresh(
    zoomdb: Zoomdb, site: int, tmp_path: Path
) -> None:
    envs = [_folder(tmp_path / "envs" / _sha("environment", number)) for number in range(1, 5)]
    code = [_folder(tmp_path / "bundles" / "p00000001" / f"bundle-{number}") for number in range(1, 5)]
    _age(code[1], 0.5)
    left = _folder(tmp_path / "envs" / ".gone-abc")
    assert set(retention.clean_appserver(zoomdb, "appserver-1", folder=tmp_path)) == {envs[0], envs[1], code[0]}
    assert [path.exists() for path in (*envs, *code)] == [False, False, True, True, False, True, True, True]
    assert not left.exists()


def test_what_is_used_again_is_not_removed(zoomdb: Zoomdb, site: int, tmp_path: Path) -> None:
    old = _folder(tmp_path / "envs" / _sha("environment", 1))
    assert layers.touch(old)
    assert retention.clean_appserver(zoomdb, "appserver-1", folder=tmp_path) == []
    assert not layers.touch(tmp_path / "envs" / "nothing")


def test_a_proxy_keeps_the_static_files_of_versions_that_rollback_shows(
    zoomdb: Zoomdb, site: int, tmp_path: Path
) -> None:
    static = [_folder(tmp_path / "static" / _sha("static", number)) for number in range(1, 5)]
    retention.clean_proxy(zoomdb, folder=tmp_path, versions_kept=2)
    assert [path.exists() for path in static] == [False, False, True, True]


def test_a_build_server_keeps_what_the_next_build_takes_up_again(zoomdb: Zoomdb, site: int, tmp_path: Path) -> None:
    envs = [_folder(tmp_path / "envs" / "p00000001" / _sha("key", number)) for number in range(1, 5)]
    cache = _folder(tmp_path / "envs" / "p00000001" / ".cache")
    archives = [tmp_path / "layers" / f"{_sha('environment', number)}.tar.zst" for number in range(1, 5)]
    (tmp_path / "layers").mkdir()
    for archive in archives:
        archive.write_text("x")
        _age(archive, 2)
    with zoomdb.session() as session:
        session.query(Bundle).filter(Bundle.name == "bundle-2").one().uploaded = None
    retention.clean_build(zoomdb, folder=tmp_path)
    kept = {2: True, 3: True, 4: True}  # not uploaded yet; still running; what users see
    assert [path.exists() for path in envs] == [kept.get(number, False) for number in range(1, 5)]
    assert [path.exists() for path in archives] == [kept.get(number, False) for number in range(1, 5)]
    assert cache.exists()


def test_the_store_loses_only_old_bundles_that_nobody_goes_back_to(zoomdb: Zoomdb, site: int, tmp_path: Path) -> None:
    store = DirectoryBundleStore(tmp_path)
    store.ensure()
    keys = [layer_key(_sha("code", number)) for number in range(1, 5)]
    for key in keys:
        (tmp_path / key).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / key).write_text("x" * 10)
    assert retention.clean_store(zoomdb, store, bundles_kept=3) == []
    with zoomdb.session() as session:
        session.execute(text("update bundle set created = created - interval '2 days'"))
    assert retention.clean_store(zoomdb, store, bundles_kept=3) == ["bundle-1"]
    assert [(tmp_path / key).exists() for key in keys] == [False, True, True, True]
    with zoomdb.session() as session:
        first = session.query(Release).filter(Release.number == 1).one()
        assert first.bundle.deleted is not None
    with pytest.raises(BundleMissing):
        store.get_layer(Layer("code", _sha("code", 1), 10), tmp_path / "down")
    assert retention.clean_store(zoomdb, store, bundles_kept=3) == []


def test_a_fetched_python_goes_when_no_kept_bundle_needs_it_and_no_process_runs_it(
    zoomdb: Zoomdb, site: int, tmp_path: Path
) -> None:
    def fetched(number: int) -> Path:
        source = Download(
            (3, 12, number), f"cpython-3.12.{number}", f"https://example.org/{number}", _sha("python", number)
        )
        place = tmp_path / f"3.12.{number}-abc"
        program = place / source.key / "bin" / "python3.12"
        program.parent.mkdir(parents=True)
        shutil.copy("/bin/sleep", program)
        (place / "python.json").write_text(json.dumps({**asdict(source), "said": ""}))
        _age(place, 2)
        return place

    kept, old, running, fresh = map(fetched, range(4))
    unfinished = _folder(tmp_path / "3.12.9-abc")
    _age(fresh, 0.5)
    with zoomdb.session() as session:
        bundle = session.scalars(select(Bundle).order_by(Bundle.id)).first()
        assert bundle
        source = Download((3, 12, 0), "cpython-3.12.0", "https://example.org/0", _sha("python", 0))
        bundle.manifest = replace(_manifest(1), python_source=source).to_json()
    process = subprocess.Popen([running / "cpython-3.12.2" / "bin" / "python3.12", "60"])
    try:
        assert set(retention.clean_pythons(zoomdb, folder=tmp_path)) == {old, unfinished}
        assert [path.exists() for path in (kept, old, running, fresh)] == [True, False, True, True]
    finally:
        process.kill()
        process.wait()
    with zoomdb.session() as session:
        session.execute(update(Bundle).values(deleted=func.now()))
    _age(kept, 2)
    assert set(retention.clean_pythons(zoomdb, folder=tmp_path)) == {kept, running}
    assert retention.clean_pythons(zoomdb, folder=tmp_path / "none") == []


def test_messages_that_nobody_waits_for_are_removed_after_a_day(zoomdb):
    old = func.now() - dt.timedelta(days=2)
    with zoomdb.session() as session:
        for name, created in (("young", func.now()), ("old", old)):
            session.add(ChildFailure(flow_run_id=name, code="X", found="", remedy="", created=created))
            session.add(Standby(flow_run_id=name, created=created))
    assert retention.clean_rows(zoomdb) == ["child_failure old", "standby old"]
    assert retention.clean_rows(zoomdb) == []


def test_layers_that_a_broken_build_has_uploaded_go_after_a_day(zoomdb: Zoomdb, site: int, tmp_path: Path) -> None:
    store, folder = DirectoryBundleStore(tmp_path / "store"), tmp_path / "store" / "layers"
    folder.mkdir(parents=True)
    named, unnamed, fresh = (folder / f"{_sha(*what)}.tar.zst" for what in (("code", 4), ("code", 9), ("code", 10)))
    for path, hours in ((named, 48), (unnamed, 48), (fresh, 2)):
        path.write_text("x")
        _age(path, hours)
    retention.clean_store(zoomdb, store, bundles_kept=10)
    assert (named.exists(), unnamed.exists(), fresh.exists()) == (True, False, True)


def test_old_jobs_go_with_all_that_belongs_to_them_and_the_newest_of_a_project_stay(zoomdb: Zoomdb, site: int) -> None:
    long_ago = func.now() - text("interval '100 days'")
    with zoomdb.session() as session:
        checks = [Job(kind=JobKind.CHECK_REPO, state=JobState.SUCCEEDED, ended=long_ago) for _ in range(3)]
        deploys = [
            Job(kind=JobKind.BUILD_AND_DEPLOY, state=JobState.FAILED, ended=long_ago, project_id=site)
            for _ in range(retention.JOBS_KEPT + 2)
        ]
        waiting = Job(kind=JobKind.LAUNCH, state=JobState.WAITING)
        session.add_all([*checks, *deploys, waiting])
        session.flush()
        session.add(Launch(job_id=waiting.id, check_job_id=checks[0].id))
        session.add(Launch(job_id=checks[2].id, check_job_id=checks[1].id))
        for job in (*checks, *deploys, waiting):
            session.add(JobLog(job_id=job.id, type=LogType.INFO))
            session.add(ConfigGuess(job_id=job.id, field="f", value=1, basis="b", is_primary=True))
        kept = {waiting.id, checks[0].id, *[job.id for job in deploys[2:]]}
    for _ in range(2):
        retention.clean_jobs(zoomdb, jobs_kept_days=90)
    with zoomdb.session() as session:
        assert set(session.scalars(select(Job.id))) == kept
        for table in (JobLog, ConfigGuess):
            assert set(session.scalars(select(table.job_id))) == kept


def test_a_cache_that_is_too_large_is_emptied_once_a_day_when_nothing_is_built(zoomdb: Zoomdb, tmp_path: Path) -> None:
    cache = tmp_path / "envs" / "p00000001" / ".cache"
    shared = tmp_path / "packages" / "cache"
    for folder, size in ((cache, 3), (shared, 1)):
        folder.mkdir(parents=True)
        (folder / "wheel").write_bytes(os.urandom(size * 1024**2))
    with zoomdb.session() as session:
        job = Job(kind=JobKind.BUILD_AND_DEPLOY, state=JobState.RUNNING)
        session.add(job)
    assert retention.clean_caches(zoomdb, folder=tmp_path, most_mb=2) == []
    with zoomdb.session() as session:
        session.execute(update(Job).values(state=JobState.SUCCEEDED))
    assert retention.clean_caches(zoomdb, folder=tmp_path, most_mb=2) == [cache]
    assert not cache.exists()
    assert shared.exists()
    assert retention.clean_caches(zoomdb, folder=tmp_path, most_mb=0) == [], "it was measured just now"
