"""Commands over a real zoomdb, without a Prefect server."""

from pathlib import Path

import pytest

from dz.settings import settings
from dz.tasklib import projects
from dz.tasklib.detection import Guess
from dz.tasklib.guesses import rows
from dz.tasklib.jobs import jobs
from dz.tasklib.jobs.jobs import JobView
from dz.tasklib.launches import launches
from dz.tasklib.launches.launches import LaunchView
from dz.zoomdb import Zoomdb
from dz.zoomdb.states import JobKind
from tests.integration.cli.forms import ANSWER, WANTED


@pytest.fixture(autouse=True)
def here(zoomdb: Zoomdb, key_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("DZ_STATE_DIR", str(tmp_path / "state"))
    monkeypatch.setenv("DZ_ZOOMDB_URL", zoomdb.url)
    monkeypatch.setenv("DZ_ENCRYPTION_KEY_FILE", str(key_file))
    monkeypatch.setenv("DZ_GIT_HOSTS", '["git://127.0.0.1:9418"]')
    for name in ("DZ_LOCAL_MODE", "PREFECT_LOGGING_HANDLERS_CONSOLE_LEVEL", "PREFECT_HOME"):
        monkeypatch.setenv(name, "")  # so that what the command sets is undone
        monkeypatch.delenv(name)
    settings.cache_clear()
    yield
    settings.cache_clear()


@pytest.fixture
def waiting(zoomdb: Zoomdb) -> tuple[JobView, LaunchView]:
    """A launch of `shop` that waits at its first form."""
    project = projects.ensure(zoomdb, name="shop", url="https://example.org/shop.git", ref=None)
    job = jobs.open_job(zoomdb, JobKind.LAUNCH, params={}, project_id=project.id)
    launches.open_launch(zoomdb, job, seconds=100)
    check = launches.check_job(zoomdb, job, params={})
    modules = [Guess("settings_module", "shop.settings", "manage.py:9", proof="proved")]
    modules += [Guess("settings_module", "shop.local", "local.py:1", is_primary=False)]
    rows.save(zoomdb, check or 0, modules)
    jobs.set_result(zoomdb, job, form=1, wanted=WANTED, reasons=["PAY_KEY is not set; settings.py:3 reads it."])
    view = launches.set_form(zoomdb, job, ANSWER, ["hooks: 'migrat' is no management command."], seconds=100)
    jobs.wait(zoomdb, job)
    found = jobs.get(zoomdb, job)
    assert found
    return found, view
