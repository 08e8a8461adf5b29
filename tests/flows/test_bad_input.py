"""Bad input gives an error that names the thing and says what to do, and changes nothing that users see."""

import contextlib
import logging
import os
import re
import shutil
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import delete, select, update

from dz import wiring
from dz.errors import (
    AmbiguousProject,
    DependencyBuildFailed,
    DependencyNotFound,
    DzError,
    HealthCheckFailed,
    HostTaken,
    InvalidConfig,
    InvalidName,
    InvalidRef,
    InvalidRepoUrl,
    InvalidRequirement,
    MissingEnvironment,
    MissingLibrary,
    NoAppserver,
    NoMatchingPython,
    NotDjango,
    RefNotFound,
    RepoUnreachable,
    UnsupportedDatabase,
    VerificationFailed,
)
from dz.settings import settings
from dz.tasklib.configuration import needs
from dz.tasklib.jobs import jobs, log
from dz.tasklib.variables import stored
from dz.worker import upkeep
from dz.zoomdb.models import Project, Server, VirtualHost
from tests.flows import snapshots
from tests.flows.conftest import POLLS, Platform
from tests.flows.snapshots import Edit, add, both, put, without

SETTINGS = len((POLLS / "mysite" / "settings.py").read_text().splitlines())
REQUIREMENTS = len((POLLS / "requirements.txt").read_text().splitlines())
BROKEN_PACKAGE = both(
    put("broken/setup.py", "raise RuntimeError('this package does not build')\n"),
    add("requirements.txt", "./broken\n"),
)


def empty(tree: Path) -> None:
    shutil.rmtree(tree)
    put("README", "Only words.\n")(tree)


def two_sites(tree: Path) -> None:
    for name in ("first", "second"):
        shutil.copytree(POLLS, tree.parent / "copy", ignore=shutil.ignore_patterns("__pycache__"))
        (tree.parent / "copy").rename(tree / name)
    for name in ("manage.py", "mysite", "polls"):
        path = tree / name
        shutil.rmtree(path) if path.is_dir() else path.unlink()


def deploy(**request: Any) -> dict[str, Any]:
    from flows.build_and_deploy import build_and_deploy  # noqa: PLC0415
    from tasks.parameters import DeployRequest  # noqa: PLC0415

    build_and_deploy(DeployRequest(**request))
    return jobs.newest(wiring.zoomdb(), limit=1)[0].result


def served(url: str) -> tuple[int, str]:
    try:
        with urllib.request.urlopen(url, timeout=20) as answer:  # noqa: S310
            return answer.status, answer.headers["X-DjangoZoom"]
    except urllib.error.HTTPError as error:
        return error.code, error.headers["X-DjangoZoom"]


@pytest.fixture(scope="module")
def site(platform: Platform, prefect: None) -> dict[str, Any]:
    """A project that is live before anything bad is asked for."""
    for role in ("build", "database", "appserver", "proxy"):
        upkeep.beat(role, f"{role}-1")
    return deploy(url=platform.publish("badsite", POLLS))


def publish(platform: Platform, folder: Path, edit: Edit) -> None:
    tree = folder / "tree"
    shutil.copytree(POLLS, tree, ignore=shutil.ignore_patterns("__pycache__"))
    edit(tree)
    platform.publish("badsite", tree)


def refused(kind: type[DzError], site: dict[str, Any], *but: str, words: str, **request: Any) -> DzError:
    """Deploy what must be refused; nothing may change except the history named in `but`."""
    before = without(snapshots.take(), *but), served(site["url"])
    with pytest.raises(DzError) as raised:
        deploy(**(request or {"project": "badsite"}))
    error = raised.value
    assert type(error) is kind, f"{error.code}: {error}"
    assert re.search(words, error.found), error.found
    assert len(error.remedy) > 10
    assert "Traceback" not in str(error)
    assert (without(snapshots.take(), *but), served(site["url"])) == before
    job = jobs.newest(wiring.zoomdb(), limit=1)[0]
    assert job.state == "failed"
    assert job.failure == error.record()
    return error


@pytest.mark.parametrize(
    ("request_", "kind", "words"),
    [
        ({"url": "git://127.0.0.1:1/x.git"}, InvalidRepoUrl, r"git://127\.0\.0\.1:1 is not on the operator's list"),
        ({"url": "https://nobody.example/x.git"}, InvalidRepoUrl, "nobody.example is not on the operator's list"),
        ({"url": "/etc"}, InvalidRepoUrl, "not a URL"),
        ({"url": "https://token@github.com/a/b"}, InvalidRepoUrl, "user name or a token"),
        ({"url": "hg+https://example.org/repo"}, InvalidRepoUrl, "Mercurial"),
        (
            {"project": "badsite", "ref": "no-such-branch"},
            RefNotFound,
            "no branch, tag or commit 'no-such-branch'.*main",
        ),
        ({"project": "badsite", "ref": "--upload-pack=x"}, InvalidRef, "--upload-pack=x"),
        ({"project": "no such name!", "url": "{git}/badsite.git"}, InvalidName, "no such name!"),
        ({"project": "badsite", "url": "{git}/nothing-here.git"}, RepoUnreachable, "nothing-here.git"),
        (
            {"project": "badsite", "config": "[project]\nhooks = rm -rf /;\n"},
            InvalidConfig,
            "attached.*line 2, key hooks",
        ),
    ],
)
def test_a_wrong_request_is_refused(
    platform: Platform, site: dict[str, Any], request_: dict[str, str], kind: type[DzError], words: str
) -> None:
    request = {name: value.replace("{git}", platform.git_url) for name, value in request_.items()}
    assert refused(kind, site, words=words, **request).actor == "project owner"


class _Lines(logging.Handler):
    """What Prefect's UI shows of a run: its log."""

    def __init__(self) -> None:
        super().__init__()
        self.lines: list[tuple[int, str]] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append((record.levelno, self.format(record)))


@contextlib.contextmanager
def _log_of_runs() -> Iterator[_Lines]:
    handler = _Lines()
    loggers = [logging.getLogger(f"prefect.{kind}_runs") for kind in ("flow", "task")]
    for logger in loggers:
        logger.addHandler(handler)
    yield handler
    for logger in loggers:
        logger.removeHandler(handler)


def test_a_run_that_fails_says_in_prefect_what_was_found_and_what_to_do(platform: Platform, tmp_path: Path) -> None:
    (tmp_path / "README").write_text("Only words.\n")
    url = platform.publish("onlywords", tmp_path)
    from flows.build_and_deploy import build_and_deploy  # noqa: PLC0415
    from tasks.parameters import DeployRequest  # noqa: PLC0415

    with _log_of_runs() as log_of_runs:
        state = build_and_deploy(DeployRequest(url=url), return_state=True)
    error = state.result(raise_on_failure=False)
    assert isinstance(error, NotDjango)
    assert state.message == str(error)
    said = [text for level, text in log_of_runs.lines if level >= logging.ERROR]
    assert said == ["Finished in state Failed", str(error)]
    assert not [text for _, text in log_of_runs.lines if "Traceback" in text]


def test_a_run_that_fails_by_our_own_mistake_keeps_its_traceback(
    platform: Platform, monkeypatch: pytest.MonkeyPatch
) -> None:
    from flows.build_and_deploy import build_and_deploy  # noqa: PLC0415
    from tasks.parameters import DeployRequest  # noqa: PLC0415

    monkeypatch.setattr("dz.tasklib.projects.ensure", lambda *_, **__: 1 // 0)
    with _log_of_runs() as log_of_runs:
        state = build_and_deploy(DeployRequest(url=platform.publish("any", POLLS)), return_state=True)
    assert "ZeroDivisionError" in str(state.message)
    assert [text for _, text in log_of_runs.lines if "Traceback" in text and "ZeroDivisionError" in text]


def test_a_git_server_that_does_not_answer_is_named(
    platform: Platform, site: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DZ_GIT_HOSTS", '["git://127.0.0.1:9"]')
    settings.cache_clear()
    refused(
        RepoUnreachable, site, words=r"git://127\.0\.0\.1:9/x\.git", project="badsite", url="git://127.0.0.1:9/x.git"
    )
    monkeypatch.undo()
    settings.cache_clear()


@pytest.mark.parametrize(
    ("edit", "kind", "words"),
    [
        pytest.param(empty, NotDjango, "No Django project", id="no Django project"),
        pytest.param(two_sites, AmbiguousProject, "(?s)first.*second", id="two projects"),
        pytest.param(
            add("mysite/settings.py", "BROKEN = (\n"), VerificationFailed, rf"settings\.py:{SETTINGS + 1}", id="settings"
        ),
        pytest.param(
            add("requirements.txt", "what is this?\n"), InvalidRequirement,
            rf"requirements\.txt:{REQUIREMENTS + 1}.*what is this", id="requirements",
        ),
        pytest.param(
            add("requirements.txt", "-r ../../etc/passwd\n"), InvalidRequirement, "outside the repository", id="include"
        ),
        pytest.param(
            add("requirements.txt", "x @ https://${SECRET}/x.whl\n"), InvalidRequirement, "variables", id="variable"
        ),
        pytest.param(put("zoombuild.cfg", "no section\n"), InvalidConfig, "zoombuild.cfg, line 1", id="no section"),
        pytest.param(
            put("zoombuild.cfg", "[project]\ntitle = X\nshell_command = x\n"), InvalidConfig,
            "zoombuild.cfg, line 3, key shell_command: this key is unknown", id="unknown key",
        ),
        pytest.param(
            put("zoombuild.cfg", "[project]\nproject_root = ../other\n"), InvalidConfig,
            r"line 2, key project_root: '\.\./other' is not a relative path inside", id="path outside",
        ),
        pytest.param(
            put("zoombuild.cfg", "[project]\nsite_media_map =\n    /media/ /etc\n"), InvalidConfig,
            "key site_media_map.*/etc", id="media outside",
        ),
        pytest.param(
            put("zoombuild.cfg", "[project]\nenvironment =\n    LD_PRELOAD=/tmp/x.so\n"), InvalidConfig,
            "key environment.*LD_PRELOAD", id="reserved variable",
        ),
        pytest.param(
            put("pyproject.toml", '[project]\nname = "x"\nversion = "1"\nrequires-python = ">=3.99"\n'),
            NoMatchingPython, r"requires Python >=3\.99 \(pyproject\.toml:4\).*; sites run on CPython 3\.9 to 3\.14", id="requires-python",
        ),
        pytest.param(
            add("requirements.txt", "there-is-no-such-package-of-anybody==1.0\n"), DependencyNotFound,
            "there-is-no-such-package-of-anybody", id="no such dependency",
        ),
        pytest.param(
            add("requirements.txt", "idna==999.0\n"), DependencyNotFound, "idna", id="no such version"
        ),
        pytest.param(BROKEN_PACKAGE, DependencyBuildFailed, "(?s)broken.*does not build", id="does not build"),
        pytest.param(
            add("mysite/settings.py", "import no_such_module\n"), VerificationFailed,
            rf"ImportError at .*settings\.py:{SETTINGS + 1}: .*no_such_module", id="ImportError in settings",
        ),
        pytest.param(
            add("mysite/wsgi.py", "import missing_in_wsgi\n"), VerificationFailed,
            r"ImportError at .*wsgi\.py:\d+: .*missing_in_wsgi", id="ImportError in WSGI",
        ),
    ],
)  # fmt: skip
def test_a_project_that_cannot_be_built_is_refused(
    platform: Platform, site: dict[str, Any], tmp_path: Path, edit: Edit, kind: type[DzError], words: str
) -> None:
    publish(platform, tmp_path, edit)
    assert refused(kind, site, words=words).actor == "project owner"


@pytest.mark.parametrize(
    "edit",
    [
        put("zoombuild.cfg", "[project]\ndatabase_type = postgresql-gis\n"),
        add(
            "mysite/settings.py",
            "DATABASES['default']['ENGINE'] = 'django.contrib.gis.db.backends.postgis'\n"
            "INSTALLED_APPS += ['django.contrib.gis']\n",
        ),
    ],
)
def test_geodjango_is_refused_where_servers_lack_its_libraries_or_postgis(
    platform: Platform, site: dict[str, Any], tmp_path: Path, edit: Edit
) -> None:
    publish(platform, tmp_path, edit)
    kind = MissingLibrary if needs.missing_libraries() else UnsupportedDatabase
    refused(kind, site, "bundle", words="does not offer: postgis|GDAL")


def test_a_first_deploy_that_fails_leaves_nothing_behind(
    platform: Platform, site: dict[str, Any], tmp_path: Path
) -> None:
    empty(tmp_path / "tree") if (tmp_path / "tree").mkdir() is None else None
    url = platform.publish("nothing", tmp_path / "tree")
    refused(NotDjango, site, "projects", words="No Django project", url=url)


def test_check_repo_of_no_django_project_is_a_result(platform: Platform, site: dict[str, Any], tmp_path: Path) -> None:
    from flows.check_repo import check_repo  # noqa: PLC0415
    from tasks.parameters import Source  # noqa: PLC0415

    (tmp_path / "tree").mkdir()
    empty(tmp_path / "tree")
    before = snapshots.take()
    state = check_repo(Source(url=platform.publish("words", tmp_path / "tree")), return_state=True)
    assert (state.is_completed(), state.name) == (True, "Not Django")
    assert snapshots.take() == before


def test_a_missing_variable_is_named_and_the_deploy_works_once_it_is_set(
    platform: Platform, site: dict[str, Any], tmp_path: Path
) -> None:
    needs = both(
        add("mysite/settings.py", "import os\nPAYMENT_KEY = os.environ['PAYMENT_KEY']\n"),
        put("runtime.txt", "python-3.6.1\n"),
    )
    publish(platform, tmp_path, needs)
    error = refused(MissingEnvironment, site, words="PAYMENT_KEY")
    assert "--set PAYMENT_KEY=VALUE" in error.remedy
    stored.put(wiring.zoomdb(), platform.project_id("badsite"), {"PAYMENT_KEY": "x"})
    result = deploy(project="badsite")
    assert served(site["url"]) == (200, f"badsite v{result['version']}")
    job = jobs.newest(platform.zoomdb, limit=1)[0]
    warnings = [line.message for line in log.lines(platform.zoomdb, job.id) if line.type == "warn"]
    assert any("prefers Python 3.6.1" in line and "was used" in line for line in warnings), warnings


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"enabled": False}, "None is registered"),
        ({"heartbeat": "2020-01-01T00:00:00Z"}, r"appserver-1: silent for \d+ s"),
        ({"heartbeat": None}, "appserver-1: no heartbeat yet"),
        ({"capacity": 1}, r"appserver-1: full, \d+ of 1 app instances"),
        ({"disk_percent": 99.0}, "appserver-1: disk 99 % full"),
    ],
)
def test_without_an_appserver_nothing_is_built(
    platform: Platform, site: dict[str, Any], beating: Callable[[], None], values: dict[str, Any], words: str
) -> None:
    beating()
    with platform.zoomdb.session() as session:
        session.execute(update(Server).where(Server.name == "appserver-1").values(**values))
    try:
        error = refused(NoAppserver, site, words=words)
        assert error.actor == "operator"
        assert "dz servers" in error.remedy
    finally:
        with platform.zoomdb.session() as session:
            session.execute(update(Server).where(Server.name == "appserver-1").values(enabled=True))


def test_a_site_that_never_answers_is_taken_down_and_the_old_one_serves(
    platform: Platform, site: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    slow = (
        "import time\nclass Slow:\n    def __init__(self, get): pass\n    def __call__(self, request): time.sleep(99)\n"
    )
    publish(
        platform, tmp_path,
        both(put("mysite/slow.py", slow), add("mysite/settings.py", "MIDDLEWARE.insert(0, 'mysite.slow.Slow')\n")),
    )  # fmt: skip
    monkeypatch.setenv("DZ_HEALTH_TIMEOUT", "4")
    settings.cache_clear()
    refused(HealthCheckFailed, site, "bundle", "release", "deployment", words="not healthy within 4 s")
    monkeypatch.undo()
    settings.cache_clear()


def test_a_first_page_that_fails_names_the_projects_line_whatever_its_logging_says(
    platform: Platform, site: dict[str, Any], tmp_path: Path
) -> None:
    logging = (
        'LOGGING = {"version": 1, "handlers": {"console": {"class": "logging.StreamHandler"}},\n'
        '           "loggers": {"mysite": {"handlers": ["console"], "level": "INFO"}}}\n'
        'import os\nPRICE_TOKEN = os.environ["PRICE_TOKEN"]\n'
    )
    broken = (
        "from django.conf import settings\nclass Broken:\n    def __init__(self, get): pass\n"
        '    def __call__(self, request): raise LookupError("no price for " + settings.PRICE_TOKEN)\n'
        "MIDDLEWARE = None\n"
    )
    stored.put(wiring.zoomdb(), platform.project_id("badsite"), {"PRICE_TOKEN": "token-of-a-shop"})
    publish(
        platform, tmp_path,
        both(put("mysite/broken.py", broken),
             add("mysite/settings.py", f"{logging}MIDDLEWARE.insert(0, 'mysite.broken.Broken')\n")),
    )  # fmt: skip
    before = served(site["url"])
    with pytest.raises(HealthCheckFailed) as raised:
        deploy(project="badsite")
    found = raised.value.found
    assert found.startswith("mysite/broken.py:4: LookupError: no price for [hidden].\n"), found
    assert "GET / answers 500" in found
    assert "Traceback (most recent call last)" in found
    assert "Starting gunicorn" not in found
    assert Path(found.rpartition("The whole log: ")[2]).is_file()
    steps = log.step_seconds(log.lines(wiring.zoomdb(), jobs.newest(wiring.zoomdb(), limit=1)[0].id))
    asking = [seconds for step, seconds in steps.items() if step.startswith(("warm up", "wait until healthy"))]
    assert asking, steps
    assert max(asking) < settings().health_timeout, "it was asked for as long as a site that starts"
    assert served(site["url"]) == before


def test_a_failed_hook_frees_the_place_of_the_release(platform: Platform, site: dict[str, Any], tmp_path: Path) -> None:
    from dz.errors import HookFailed  # noqa: PLC0415

    publish(platform, tmp_path, put("zoombuild.cfg", "[project]\nhooks =\n    no_such_command\n"))
    refused(HookFailed, site, "bundle", "release", "deployment", words="no_such_command")


def test_a_host_name_of_another_project_is_refused(platform: Platform, site: dict[str, Any]) -> None:
    from flows.publish_host import publish_host  # noqa: PLC0415
    from tasks.parameters import HostRequest  # noqa: PLC0415

    with platform.zoomdb.session() as session:
        other = Project(name="otherone", title="Other", source_url="https://example.org/x.git")
        session.add(other)
        session.flush()
        session.add(VirtualHost(project_id=other.id, name="www.other.example"))
    before = snapshots.take(), served(site["url"])
    for host in ("www.other.example", "WWW.Other.Example"):
        with pytest.raises(HostTaken, match=r"www\.other\.example belongs to another project") as raised:
            publish_host(HostRequest(project="badsite", host=host))
        assert raised.value.actor == "project owner"
    assert (snapshots.take(), served(site["url"])) == before


def test_a_project_whose_own_host_is_taken_is_refused_before_it_is_built(
    platform: Platform, site: dict[str, Any], tmp_path: Path
) -> None:
    with platform.zoomdb.session() as session:
        owner = session.scalars(select(Project.id).where(Project.name == "badsite")).one()
        session.add(VirtualHost(project_id=owner, name="stolen.localhost"))
    url = platform.publish("stolen", POLLS)
    refused(HostTaken, site, "projects", words="stolen.localhost belongs to another project", url=url)
    with platform.zoomdb.session() as session:
        session.execute(delete(VirtualHost).where(VirtualHost.name == "stolen.localhost"))


def test_these_tests_ran_with_real_users_if_they_could() -> None:
    assert bool(snapshots.unix_users()) == (os.geteuid() == 0)
