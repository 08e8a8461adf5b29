# mypy: ignore-errors
"""Loads a built project once and reports what it is: settings, checks, application, static files.

Runs in the project's interpreter. The project can say what it likes in the report; who reads it trusts none of it.
"""

import hashlib
import json
import os
import re
import shutil
import sys
import threading
import traceback

STAGE = ["settings"]
WARNINGS = []
ASKED = set()


def _innermost(error, source):
    """Return file, line and text of the project's own line that is nearest to the error."""
    frames = traceback.extract_tb(error.__traceback__)
    for frame in reversed(frames):
        name = os.path.normpath(frame.filename)
        if name.startswith(source + os.sep) and "site-packages" not in name:
            return os.path.relpath(name, source), frame.lineno, frame.line
    real = [frame for frame in frames if not frame.filename.startswith("<")]
    return (os.path.basename(real[-1].filename), real[-1].lineno, real[-1].line) if real else ("", 0, "")


def describe(error, source):
    """Return an error as the report holds it."""
    file_name, line, text = _innermost(error, source)
    if isinstance(error, SyntaxError) and error.filename:
        file_name = os.path.abspath(error.filename)
        file_name, line, text = os.path.relpath(file_name, source), error.lineno, error.text
    frames = traceback.extract_tb(error.__traceback__)
    chain, seen = [], error
    while seen is not None and len(chain) < 5:
        chain.append(type(seen).__name__)
        seen = seen.__cause__ or (None if seen.__suppress_context__ else seen.__context__)
    return {
        "stage": STAGE[0],
        "type": type(error).__name__,
        "chain": chain,
        "message": str(error)[:4000],
        "module": str(getattr(error, "name", None) or ""),
        "from_environ": bool(frames)
        and frames[-1].name == "__getitem__"
        and os.path.basename(frames[-1].filename) in ("os.py", "<frozen os>"),
        "file": file_name,
        "line": line or 0,
        "text": (text or "").strip()[:300],
    }


def run_checks():
    """Run the system checks that need no database; return the texts of the errors."""
    from django.core import checks
    from django.db.utils import DatabaseError

    try:
        found = checks.run_checks()
    except DatabaseError as error:
        WARNINGS.append(
            "The code asks the database for something while it is imported; it was not checked further: %s"
            % str(error).split("\n")[0]
        )
        return []
    errors = [str(one) for one in found if one.level >= checks.ERROR and not one.is_silenced()]
    others = [one for one in found if one.level == checks.WARNING and not one.is_silenced()]
    if others:
        WARNINGS.append("Django's checks give %d warnings, the first: %s" % (len(others), str(others[0])[:300]))
    return errors


def collect_static(job, settings, source):
    """Collect the static files; if the project's storage refuses, with Django's plain one."""
    from django.apps import apps
    from django.core.management import call_command

    if not job.get("collectstatic"):
        return False
    if not apps.is_installed("django.contrib.staticfiles"):
        WARNINGS.append("django.contrib.staticfiles is not installed; no static files were collected.")
        return False
    settings.STATICFILES_DIRS = _existing(settings.STATICFILES_DIRS)
    call_command("collectstatic", interactive=False, verbosity=0)
    if apps.is_installed("compressor") and getattr(settings, "COMPRESS_OFFLINE", False):
        call_command("compress", verbosity=0)
    add_committed(source, str(settings.STATIC_ROOT))
    return True


def add_committed(source, target):
    """Add the files that the repository itself keeps in its STATIC_ROOT; what was collected wins."""
    own = os.path.realpath(str(sys.modules["dz_settings"]._own.get("STATIC_ROOT") or source))
    if not own.startswith(os.path.realpath(source) + os.sep) or not os.path.isdir(own):
        return
    for folder, _, names in os.walk(own):
        place = os.path.join(target, os.path.relpath(folder, own))
        for name in names:
            path, wanted = os.path.join(folder, name), os.path.join(place, name)
            if not os.path.islink(path) and not os.path.exists(wanted):
                os.makedirs(place, exist_ok=True)
                shutil.copyfile(path, wanted)
    _merge_manifest(os.path.join(own, "staticfiles.json"), os.path.join(target, "staticfiles.json"))


def _merge_manifest(committed, collected):
    if not os.path.isfile(committed) or not os.path.isfile(collected):
        return
    with open(committed, encoding="utf-8") as stream:
        paths = json.load(stream).get("paths") or {}
    with open(collected, encoding="utf-8") as stream:
        manifest = json.load(stream)
    manifest["paths"] = dict(paths, **(manifest.get("paths") or {}))
    with open(collected, "w", encoding="utf-8") as stream:
        json.dump(manifest, stream)


def _existing(folders):
    found = []
    for entry in folders:
        folder = entry[1] if isinstance(entry, (list, tuple)) else entry
        if os.path.isdir(str(folder)):
            found.append(entry)
        else:
            WARNINGS.append("STATICFILES_DIRS names %s, which is not there." % os.path.basename(str(folder)))
    return found


def copy_map(job, source):
    """Copy the folders of site_media_map; nothing outside the checkout and the environment."""
    import sysconfig

    packages = os.path.realpath(sysconfig.get_paths()["purelib"])
    roots = {"SITE_PACKAGES": packages, "SRC_PACKAGES": source}
    for number, (url, folder) in enumerate(job["site_media_map"]):
        wanted = re.sub(r"^\{(SITE_PACKAGES|SRC_PACKAGES)\}/?", lambda match: roots[match.group(1)] + os.sep, folder)
        path = os.path.realpath(os.path.join(source, wanted))
        if not any(path == root or path.startswith(root + os.sep) for root in (packages, os.path.realpath(source))):
            raise ValueError("site_media_map: %s lies outside the project" % folder)
        if not os.path.isdir(path):
            raise ValueError("site_media_map: %s is not a folder of the project" % folder)
        shutil.copytree(path, os.path.join(job["out"], "map", str(number)), symlinks=True, ignore=_links)


def _links(folder, names):
    return [name for name in names if os.path.islink(os.path.join(folder, name)) or name in (".git", ".hg", ".svn")]


def facts(settings):
    """Return what the platform wants to know about the project."""
    import django
    from django.apps import apps
    from django.db import connections

    own = sys.modules["dz_settings"]._own
    engine = (own.get("DATABASES") or {}).get("default", {}).get("ENGINE", "")
    others = [alias for alias in connections if connections[alias].settings_dict["ENGINE"].endswith("sqlite3")]
    migrations = [app.label for app in apps.get_app_configs() if os.path.isdir(os.path.join(app.path, "migrations"))]
    return {
        "django_version": django.get_version(),
        "secret_key": bool(own.get("SECRET_KEY")),
        "static_url": settings.STATIC_URL,
        "media_url": settings.MEDIA_URL,
        "engine": engine,
        "used_engine": settings.DATABASES["default"]["ENGINE"],
        "sqlite_aliases": others,
        "migrations": migrations,
        "auth": apps.is_installed("django.contrib.auth"),
        "admin": apps.is_installed("django.contrib.admin"),
    }


def schema():
    """Return a digest of the names of all migrations; empty where that cannot be told."""
    try:
        from django.db.migrations.loader import MigrationLoader

        names = sorted("%s.%s" % key for key in MigrationLoader(None).disk_migrations)
    except Exception as error:  # noqa: BLE001
        WARNINGS.append("The migrations could not be loaded: %s" % str(error)[:300])
        return ""
    return hashlib.sha256("\n".join(names).encode("utf-8")).hexdigest()


class Words(list):
    """The command line, which notes that somebody reads it."""

    def __getitem__(self, key):
        ASKED.add("command line")
        return list.__getitem__(self, key)

    def __iter__(self):
        ASKED.add("command line")
        return list.__iter__(self)

    def __contains__(self, word):
        ASKED.add("command line")
        return list.__contains__(self, word)

    def __len__(self):
        ASKED.add("command line")
        return list.__len__(self)


def watch_the_load():
    """Note in ASKED what makes a load depend on the state of the database, or on the command that it is for."""
    sys.argv = Words(sys.argv)
    try:
        from django.db.backends.base.base import BaseDatabaseWrapper
    except ImportError:
        ASKED.add("unknown Django")
        return
    connect = BaseDatabaseWrapper.connect

    def noting(self, *args, **kwargs):
        ASKED.add("database")
        return connect(self, *args, **kwargs)

    BaseDatabaseWrapper.connect = noting


def load_application(kind):
    """Load the application; an error that Django's own application has, too, is not one of the project's module."""
    import dz_application

    try:
        return dz_application.load(kind)
    except (Exception, SystemExit):
        try:
            dz_application.plain(kind)
        except (Exception, SystemExit):  # noqa: BLE001
            STAGE[0] = "handler"
        raise


class Described(Exception):
    """An error of another process, as the report holds it."""


class Aside:
    """A stage that a fork does while others go on; where the project has started a thread, it is done in its turn."""

    def __init__(self, stage, source, work):
        self._stage, self._source, self._work = stage, source, work
        self._told = None
        if threading.active_count() == 1:
            self._told, told = os.pipe()
            sys.stdout.flush()
            if os.fork() == 0:
                self._do(told)
            os.close(told)

    def result(self):
        """Return what the work returned, or raise its error."""
        STAGE[0] = self._stage
        if self._told is None:
            return self._work()
        with os.fdopen(self._told, encoding="utf-8") as stream:
            told = json.loads(stream.read() or "{}")
        if "value" not in told:
            raise Described(told.get("error") or describe(RuntimeError("its process was ended"), self._source))
        WARNINGS.extend(told["warnings"])
        return told["value"]

    def _do(self, place):
        del WARNINGS[:]
        STAGE[0] = self._stage
        try:
            told = {"value": self._work(), "warnings": WARNINGS}
        except (Exception, SystemExit) as error:  # noqa: BLE001
            traceback.print_exc()
            told = {"error": describe(error, self._source)}
        with os.fdopen(place, "w", encoding="utf-8") as stream:
            json.dump(told, stream)
        sys.stdout.flush()
        os._exit(0)


def stages(job, source, report):
    """Go through the stages; the report keeps what was found before one fails."""
    from django.conf import settings

    watch_the_load()
    settings.INSTALLED_APPS  # noqa: B018
    STAGE[0] = "setup"
    import django

    django.setup()
    report.update(facts(settings))
    static = None if job.get("request") else Aside("static", source, lambda: collect_static(job, settings, source))
    STAGE[0] = "check"
    threads = threading.active_count()
    report["check_errors"] = run_checks()
    report["urls_start_no_thread"] = threading.active_count() <= threads
    if report["check_errors"]:
        return False
    STAGE[0] = "application"
    application = load_application(job["application"])
    report["loads_alike"] = not ASKED and threading.active_count() == 1
    if job.get("request"):
        import dz_request

        STAGE[0] = "request"
        return dz_request.page(job["application"], application, report)
    report["schema"] = schema()
    STAGE[0] = "map"
    copy_map(job, source)
    report["collected"] = static.result()
    return True


def main(job_file, plan, source):
    """Verify the project and write the report; exit code 0 means that all of it was well."""
    with open(job_file, encoding="utf-8") as stream:
        job = json.load(stream)
    nonce = job.pop("nonce")
    source = os.path.abspath(source)
    report, fine = {}, False
    try:
        fine = stages(job, source, report)
    except Described as error:
        report["error"] = error.args[0]
    except (Exception, SystemExit) as error:  # noqa: BLE001
        report["error"] = describe(error, source)
        traceback.print_exc()
    report.update(nonce=nonce, ok=fine, warnings=WARNINGS)
    name = os.path.join(job["out"], "report.json")
    with open(name + ".part", "w", encoding="utf-8") as stream:
        json.dump(report, stream, default=str)
    os.replace(name + ".part", name)
    sys.stdout.flush()
    # Threads that the project started would keep the process alive.
    os._exit(0 if fine else 1)
