"""Builds real Django projects with the real installer: environment, verification, shim."""

import json
import os
import pwd
import shutil
import subprocess
import tempfile
import textwrap
from dataclasses import replace
from pathlib import Path

import pytest

from dz.adapters import interpreters, users
from dz.adapters.installer import UvInstaller
from dz.adapters.sandbox import UserSandbox
from dz.errors import (
    DependencyBuildFailed,
    DependencyNotFound,
    MissingEnvironment,
    NoMatchingPython,
    ServiceUnavailable,
    StaticFilesFailed,
    UnsupportedDatabase,
    VerificationFailed,
)
from dz.tasklib.checkouts.checkouts import Checkout
from dz.tasklib.configuration.plan import Plan
from dz.tasklib.verification import verification
from dz.tasklib.virtualenvs import virtualenvs

USER = "nobody" if os.geteuid() == 0 else None
PLAN = Plan(
    title="Site",
    source_code_url="https://example.org/site.git",
    project_root=".",
    django_settings_module="site1.settings",
    base_python_package="site1",
    wsgi="site1.wsgi:application",
    asgi=None,
    use_asgi=False,
    python_version=None,
    python_version_basis="",
    package_manager="pip",
    dependency_files=("requirements.txt",),
)
SETTINGS = """
    from pathlib import Path
    BASE_DIR = Path(__file__).parent
    SECRET_KEY = "django-insecure-abc"
    DEBUG = True
    ALLOWED_HOSTS = []
    INSTALLED_APPS = ["django.contrib.admin", "django.contrib.auth", "django.contrib.contenttypes",
                      "django.contrib.sessions", "django.contrib.messages", "django.contrib.staticfiles"]
    if DEBUG:
        INSTALLED_APPS.append("debug_toolbar")
    MIDDLEWARE = ["django.contrib.sessions.middleware.SessionMiddleware",
                  "django.middleware.csrf.CsrfViewMiddleware",
                  "django.contrib.auth.middleware.AuthenticationMiddleware",
                  "django.contrib.messages.middleware.MessageMiddleware"]
    ROOT_URLCONF = "site1.urls"
    TEMPLATES = [{"BACKEND": "django.template.backends.django.DjangoTemplates", "APP_DIRS": True, "OPTIONS": {
        "context_processors": ["django.template.context_processors.request",
                               "django.contrib.auth.context_processors.auth",
                               "django.contrib.messages.context_processors.messages"]}}]
    DATABASES = {"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": BASE_DIR / "db.sqlite3"}}
    STATIC_URL = "static/"
    JWT = {"SIGNING_KEY": SECRET_KEY}
    DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
"""
URLS = """
    from django.conf import settings
    from django.contrib import admin
    from django.http import JsonResponse
    from django.urls import path

    def home(request):
        return JsonResponse({"debug": settings.DEBUG, "engine": settings.DATABASES["default"]["ENGINE"],
                             "hosts": settings.ALLOWED_HOSTS, "secret": settings.SECRET_KEY,
                             "jwt": settings.JWT["SIGNING_KEY"], "root": str(settings.MEDIA_ROOT)})

    urlpatterns = [path("", home), path("admin/", admin.site.urls)]
"""
WSGI = """
    import os
    os.environ["DJANGO_SETTINGS_MODULE"] = "site1.settings"
    from django.core.wsgi import get_wsgi_application
    application = get_wsgi_application()
"""


def make_project(root: Path, settings: str = "", **files: str) -> Checkout:
    content = {
        "requirements.txt": "Django==4.2.16\n",
        "site1/__init__.py": "",
        "site1/settings.py": textwrap.dedent(SETTINGS) + textwrap.dedent(settings),
        "site1/urls.py": textwrap.dedent(URLS),
        "site1/wsgi.py": textwrap.dedent(WSGI),
        **{name.replace("__", "/"): textwrap.dedent(text) for name, text in files.items()},
    }
    for name, text in content.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return Checkout(
        path=root, url="https://example.org/site.git", ref=None, commit="0" * 40, message="x", sysid="p00000001"
    )


@pytest.fixture(scope="session")
def server():
    """Not pytest's own folder: that one is closed to other users by each run of pytest."""
    folder = Path(tempfile.mkdtemp(prefix="dz-builds-"))
    folder.chmod(0o755)
    yield folder
    shutil.rmtree(folder)


@pytest.fixture
def tmp_path(server):
    folder = Path(tempfile.mkdtemp(dir=server))
    folder.chmod(0o755)
    return folder


@pytest.fixture(scope="session")
def sandbox(server):
    return UserSandbox(user=USER, home=users.owned(server / "home", USER))


@pytest.fixture(scope="session")
def python():
    return interpreters.available()[0]


@pytest.fixture(scope="session")
def built(server, sandbox, python):
    """The one environment that the tests share."""
    checkout = make_project(server / "shared")
    return virtualenvs.create(
        PLAN, checkout, folder=server / "envs", interpreter=python, installer=UvInstaller(), sandbox=sandbox
    )


@pytest.fixture
def check(server, sandbox, built, tmp_path):
    """Verify a project in the shared environment."""

    def run(checkout, plan=PLAN, timeout=60, **variables):
        return verification.verify(
            plan,
            checkout,
            built,
            work=tmp_path / "work",
            sandbox=sandbox,
            variables=variables,
            timeout=timeout,
        )

    return run


def test_an_environment_has_django_a_server_and_a_driver_and_is_made_once(built, server, sandbox, python):
    assert built.program.exists()
    assert (built.path / "bin" / "gunicorn").exists()
    assert any("gunicorn was added" in warning for warning in built.warnings)
    assert list(built.path.glob("lib/python*/site-packages/django/__pycache__/__init__.*.pyc"))
    if USER:
        assert built.path.stat().st_uid == pwd.getpwnam(USER).pw_uid
    again = virtualenvs.create(
        PLAN,
        make_project(server / "shared"),
        folder=server / "envs",
        interpreter=python,
        installer=UvInstaller(index_url="http://127.0.0.1:9/"),
        sandbox=sandbox,
    )
    assert again.reused
    assert again.path == built.path
    assert not list((server / "envs").glob(".new-*"))


def test_bytecode_survives_times_set_to_zero(built):
    code = next(built.path.glob("lib/python*/site-packages/django/__pycache__/__init__.*.pyc")).read_bytes()
    assert int.from_bytes(code[4:8], "little") == 1


def test_an_unmodified_sqlite_project_is_proved_and_its_static_files_collected(check, tmp_path):
    found = check(make_project(tmp_path / "src"))
    assert found.django_version == "4.2.16"
    assert found.static_url == "/static/"
    assert ("/static/", "static") in found.static_map
    assert (found.static_dir / "static" / "admin" / "css" / "base.css").is_file()
    assert "auth" in found.migrations
    assert not (tmp_path / "src" / "site1" / "db.sqlite3").exists()


def test_urls_are_loaded_before_the_workers_unless_they_start_a_thread(check, tmp_path):
    assert check(make_project(tmp_path / "quiet")).shim_variables["DZ_URLS_EARLY"] == "1"
    thread = "    import threading, time\n    threading.Thread(target=time.sleep, args=(60,), daemon=True).start()\n"
    found = check(make_project(tmp_path / "busy", **{"site1/urls.py": f"{URLS}\n{thread}"}))
    assert "DZ_URLS_EARLY" not in found.shim_variables


@pytest.mark.parametrize(
    ("asking", "alike"),
    [
        ("", True),
        ("import sys\n    migrating = 'migrate' in sys.argv\n", False),
        ("import threading, time\n    threading.Thread(target=time.sleep, args=(60,), daemon=True).start()\n", False),
        ("from django.db import connection as c\n    try: c.cursor()\n    except Exception: pass\n", False),
    ],
    ids=["nothing", "the command line", "a thread", "the database"],
)
def test_a_load_is_alike_unless_it_asks_what_it_is_for_or_what_the_database_holds(check, tmp_path, asking, alike):
    wsgi = f"{WSGI}\n    {asking}"
    assert check(make_project(tmp_path / "src", **{"site1/wsgi.py": wsgi})).loads_alike is alike


def test_static_files_are_collected_also_where_the_project_has_started_a_thread(check, tmp_path):
    thread = "import threading, time\nthreading.Thread(target=time.sleep, args=(60,), daemon=True).start()\n"
    found = check(make_project(tmp_path / "src", thread))
    assert (found.static_dir / "static" / "admin" / "css" / "base.css").is_file()


def test_a_storage_that_ends_its_process_is_a_failure_of_static_files(check, tmp_path):
    storage = """
        import os
        from django.contrib.staticfiles.storage import StaticFilesStorage
        class Ending(StaticFilesStorage):
            def _save(self, name, content):
                os._exit(0)
    """
    settings = "STORAGES = {'staticfiles': {'BACKEND': 'site1.storage.Ending'}}\n"
    found = check(make_project(tmp_path / "src", settings, **{"site1/storage.py": storage}))
    assert any("static files storage failed" in warning for warning in found.warnings)


def test_an_import_error_in_settings_is_named_with_file_and_line(check, tmp_path):
    checkout = make_project(tmp_path / "src", "import not_there_at_all\n")
    line = len((tmp_path / "src/site1/settings.py").read_text().splitlines())
    with pytest.raises(VerificationFailed) as caught:
        check(checkout)
    assert "not_there_at_all" in caught.value.found
    assert f"site1/settings.py:{line}" in caught.value.found
    assert "Traceback" not in str(caught.value)


def test_an_import_error_in_the_wsgi_module_is_named(check, tmp_path):
    with pytest.raises(VerificationFailed, match=r"ImportError at site1/wsgi.py:1.*gone"):
        check(make_project(tmp_path / "src", **{"site1/wsgi.py": "import gone\n"}))


def test_a_syntax_error_is_named_with_file_and_line(check, tmp_path):
    with pytest.raises(VerificationFailed, match=r"site1/urls.py:2 is not valid"):
        check(make_project(tmp_path / "src", **{"site1/urls.py": "a = 1\nb = = 2\n"}))


@pytest.mark.parametrize(
    "code",
    [
        'import os\nX = os.environ["PAYMENT_TOKEN"]\n',
        'from django.core.exceptions import ImproperlyConfigured as E\nraise E("Set the PAYMENT_TOKEN environment variable")\n',
        'raise ValueError("PAYMENT_TOKEN not found. Declare it as envvar or define a default value.")\n',
    ],
)
def test_a_missing_environment_variable_is_named_with_how_to_set_it(check, tmp_path, code):
    checkout = make_project(tmp_path / "src", code)
    with pytest.raises(MissingEnvironment) as caught:
        check(checkout)
    assert "PAYMENT_TOKEN" in caught.value.found
    assert "--set PAYMENT_TOKEN=VALUE" in caught.value.remedy


def test_a_given_environment_variable_reaches_the_settings(check, tmp_path):
    code = 'import os\nassert os.environ["PAYMENT_TOKEN"] == "t"\nassert "PREFECT_API_URL" not in os.environ\n'
    assert check(make_project(tmp_path / "src", code), PAYMENT_TOKEN="t")


def test_a_failed_system_check_is_shown(check, tmp_path):
    with pytest.raises(VerificationFailed, match=r"admin\.E408|SessionMiddleware"):
        check(make_project(tmp_path / "src", "MIDDLEWARE = MIDDLEWARE[1:]\n"))


def test_a_printed_fake_report_counts_for_nothing(check, tmp_path):
    code = """
        import json, os, sys
        print(json.dumps({"ok": True, "nonce": "0" * 32}))
        open(os.path.dirname(os.environ["DZ_STATIC_ROOT"]) + "/report.json", "w").write(json.dumps({"ok": True, "nonce": "0" * 32, "static_url": "/x/"}))
        sys.stdout.flush()
        os._exit(1)
    """
    with pytest.raises(VerificationFailed, match="exit code 1"):
        check(make_project(tmp_path / "src", code))


def test_an_early_exit_with_success_is_no_success(check, tmp_path):
    with pytest.raises(VerificationFailed, match="ended its own process"):
        check(make_project(tmp_path / "src", "import os\nos._exit(0)\n"))


def test_a_project_that_hangs_is_stopped(check, tmp_path):
    with pytest.raises(VerificationFailed, match="took longer"):
        check(make_project(tmp_path / "src", "import time\ntime.sleep(600)\n"), timeout=3)


def test_geodjango_without_its_libraries_is_an_unsupported_database(check, tmp_path):
    code = 'from django.core.exceptions import ImproperlyConfigured as E\nraise E("Could not find the GDAL library")\n'
    with pytest.raises(UnsupportedDatabase, match="GDAL"):
        check(make_project(tmp_path / "src", code))


def test_a_manifest_storage_is_kept_and_its_list_goes_into_the_bundle(check, tmp_path):
    code = 'STATICFILES_STORAGE = "django.contrib.staticfiles.storage.ManifestStaticFilesStorage"\n'
    found = check(make_project(tmp_path / "src", code))
    verification.write_shim(PLAN, tmp_path / "dz", found)
    assert "admin/css/base.css" in json.loads((tmp_path / "dz/static/staticfiles.json").read_text())["paths"]


def test_files_committed_in_the_static_root_are_served_too_and_collected_ones_win(check, tmp_path):
    code = """
        STATICFILES_STORAGE = "django.contrib.staticfiles.storage.ManifestStaticFilesStorage"
        STATIC_ROOT = BASE_DIR / "static"
    """
    committed = {"paths": {"icon.png": "icon.1.png", "admin/css/base.css": "admin/css/base.old.css"}}
    files = {"site1/static/icon.1.png": "x", "site1/static/admin/css/base.css": "old"}
    found = check(
        make_project(tmp_path / "src", code, **files, **{"site1/static/staticfiles.json": json.dumps(committed)})
    )
    (manifest,) = found.manifests
    paths = json.loads(manifest.read_text())["paths"]
    assert paths["icon.png"] == "icon.1.png"
    assert paths["admin/css/base.css"] != "admin/css/base.old.css"
    assert (found.static_dir / "static/icon.1.png").read_text() == "x"
    assert (found.static_dir / "static/admin/css/base.css").read_text() != "old"


def test_a_manifest_storage_that_fails_is_replaced_with_a_warning(check, tmp_path):
    code = """
        STATICFILES_STORAGE = "django.contrib.staticfiles.storage.ManifestStaticFilesStorage"
        STATICFILES_DIRS = [BASE_DIR / "assets"]
    """
    checkout = make_project(tmp_path / "src", code, **{"site1/assets/a.css": "a { background: url(gone.png) }"})
    found = check(checkout)
    assert any("plain storage" in warning for warning in found.warnings)
    assert found.shim_variables["DZ_PLAIN_STATIC_STORAGE"] == "1"
    assert (found.static_dir / "static/a.css").is_file()


def test_static_files_that_cannot_be_collected_are_a_clear_error(check, tmp_path):
    finder = """
        from django.contrib.staticfiles.finders import BaseFinder
        class Finder(BaseFinder):
            def check(self, **options):
                return []
            def list(self, patterns):
                raise OSError("no such bucket")
    """
    code = 'STATICFILES_FINDERS = ["site1.finder.Finder"]\n'
    with pytest.raises(StaticFilesFailed, match=r"site1/finder.py:7: OSError: no such bucket"):
        check(make_project(tmp_path / "src", code, **{"site1/finder.py": finder}))


def test_a_site_media_map_is_copied_and_cannot_leave_the_project(check, tmp_path):
    checkout = make_project(tmp_path / "src", **{"art/a.txt": "a"})
    (tmp_path / "src/art/link").symlink_to("/etc/hostname")
    found = check(checkout, replace(PLAN, site_media_map=(("/art/", "{SRC_PACKAGES}/art"),)))
    assert (found.static_dir / "map/0/a.txt").read_text() == "a"
    assert not (found.static_dir / "map/0/link").exists()
    with pytest.raises(VerificationFailed, match="outside"):
        check(checkout, replace(PLAN, site_media_map=(("/art/", "../../../etc"),)))


@pytest.mark.parametrize(
    ("line", "index", "error", "text"),
    [
        ("Django==99.1", None, DependencyNotFound, "django"),
        ("Django==4.2.16\nno-such-package-zzqq==1", None, DependencyNotFound, "no-such-package-zzqq"),
        ("Django==4.2.16\nmysqlclient==2.2.0", None, DependencyBuildFailed, "mysqlclient==2.2.0"),
        ("Django==6.0", None, NoMatchingPython, "3.12"),
        ("Django==4.2.16", "http://127.0.0.1:9/", ServiceUnavailable, "index"),
    ],
)
def test_a_dependency_that_cannot_be_installed_is_named(server, sandbox, python, tmp_path, line, index, error, text):
    if error is NoMatchingPython and python.version >= (3, 12):
        pytest.skip("this Python is new enough")
    if (
        error is DependencyBuildFailed
        and subprocess.run(["pkg-config", "--exists", "mysqlclient"], check=False).returncode == 0
    ):
        pytest.skip("mysqlclient builds here")
    checkout = make_project(tmp_path / "src", **{"requirements.txt": line + "\n"})
    folder = server / ("envs" if index is None else "envs-fresh")
    with pytest.raises(error) as caught:
        virtualenvs.create(
            PLAN, checkout, folder=folder, interpreter=python, installer=UvInstaller(index_url=index), sandbox=sandbox
        )
    assert text in caught.value.found
    assert not list(folder.glob(".new-*"))


def test_a_bundle_answers_under_the_platforms_settings(server, built, check, sandbox, tmp_path):
    found = check(make_project(tmp_path / "bundle" / "src"))
    verification.write_shim(PLAN, tmp_path / "bundle" / "dz", found)
    env = {**verification.placeholder_variables(PLAN), "SECRET_KEY": "given", "DZ_ALLOWED_HOSTS": "site.example.org"}
    (tmp_path / "env.json").write_text(json.dumps(env | {"DZ_MEDIA_ROOT": "/srv/media"}))
    code = "from django.test import Client; print(Client().get('/', HTTP_HOST='site.example.org').content.decode())"
    argv = [built.program, "-I", tmp_path / "bundle/dz/dz_run.py", tmp_path / "env.json", "manage", "shell", "-c", code]
    done = sandbox.run(argv, cwd=Path("/"), env={}, timeout=60)
    assert done.ok, done.output
    answer = json.loads(done.output.strip().splitlines()[-1])
    assert answer["debug"] is False
    assert answer["engine"] == "django.db.backends.postgresql"
    assert answer["hosts"][0] == "site.example.org"
    assert answer["secret"] == answer["jwt"] == "given"
    assert answer["root"] == "/srv/media"


def test_uploaded_files_are_served_unless_the_project_answers_itself(server, built, check, sandbox, tmp_path):
    urls = textwrap.dedent(URLS) + 'urlpatterns.append(path("media/own.txt", home))\n'
    checkout = make_project(tmp_path / "bundle" / "src", 'MEDIA_URL = "media/"\n', **{"site1/urls.py": urls})
    verification.write_shim(PLAN, tmp_path / "bundle" / "dz", check(checkout))
    (tmp_path / "media").mkdir()
    for name in ("photo.txt", "own.txt"):
        (tmp_path / "media" / name).write_text("uploaded")
    (tmp_path / "outside.txt").write_text("secret")
    env = {**verification.placeholder_variables(PLAN), "DZ_MEDIA_ROOT": str(tmp_path / "media")}
    (tmp_path / "env.json").write_text(json.dumps(env))
    code = """if True:
        from django.test import AsyncClient, Client
        from asgiref.sync import async_to_sync
        paths = ["photo.txt", "own.txt", "gone.txt", "../outside.txt", "%2e%2e/outside.txt"]
        for get in (Client().get, async_to_sync(AsyncClient().get)):
            answers = [get("/media/" + path) for path in paths]
            print([answer.status_code for answer in answers], answers[1]["Content-Type"])
    """
    argv = [built.program, "-I", tmp_path / "bundle/dz/dz_run.py", tmp_path / "env.json", "manage", "shell", "-c", code]
    done = sandbox.run(argv, cwd=Path("/"), env={}, timeout=60)
    assert done.ok, done.output
    assert done.output.count("[200, 200, 404, 400, 400] application/json") == 2


def test_a_lock_with_thousands_of_hashes_is_read_to_its_end(server, sandbox, python, tmp_path):
    wheels = "".join(
        f'  {{ url = "https://example.org/a-1.0-{number}-py3-none-any.whl", hash = "sha256:{number:064x}" }},\n'
        for number in range(4000)
    )
    lock = f"""version = 1
requires-python = ">=3.9"

[[package]]
name = "a"
version = "1.0"
source = {{ registry = "https://example.org/simple" }}
wheels = [
{wheels}]

[[package]]
name = "site"
version = "0"
source = {{ virtual = "." }}
dependencies = [{{ name = "a" }}, {{ name = "zz" }}]

[package.metadata]
requires-dist = [{{ name = "a" }}, {{ name = "zz" }}]

[[package]]
name = "zz"
version = "2.0"
source = {{ registry = "https://example.org/simple" }}
wheels = [{{ url = "https://example.org/zz-2.0-py3-none-any.whl", hash = "sha256:{1:064x}" }}]
"""
    project = '[project]\nname = "site"\nversion = "0"\nrequires-python = ">=3.9"\ndependencies = ["a", "zz"]\n'
    checkout = make_project(tmp_path / "src", **{"uv.lock": lock, "pyproject.toml": project})
    cache = users.owned(tmp_path / "cache", USER)
    text = UvInstaller().export_lock(checkout.path, interpreter=python, sandbox=sandbox, cache=cache)
    assert len(text) > 250_000
    assert "zz==2.0" in text
    assert not list(cache.glob("export-*"))
