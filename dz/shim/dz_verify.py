# mypy: ignore-errors
"""Loads a built project once and reports what it is: settings, checks, application, static files.

Runs in the project's interpreter. The project can say what it likes in the report; who reads it trusts none of it.
"""

import json
import os
import sys
import threading
import traceback

import dz_front
from dz_catalogs import compile_missing
from dz_migrations import examine
from dz_report import STAGE, WARNINGS, Described, describe
from dz_request import from_database, page
from dz_static import collect_static, copy_map
from dz_templates import warn_of_missing
from dz_watch import ASKED, watch_the_load


def warn_of_query(error, source):
    """Warn of modules that cannot be imported without a database; which line asks it is known."""
    found = describe(error, source)
    text = (
        "%s:%d asks the database for something while modules are imported, so the code could not be checked further (%s). "
        "Ask it when a page needs it." % (found["file"], found["line"], str(error).split("\n")[0][:200])
    )
    if text not in WARNINGS:
        WARNINGS.append(text)


def run_checks(source):
    """Run the system checks that need no database; return the texts of the errors."""
    from django.core import checks

    try:
        found = checks.run_checks()
    except Exception as error:
        if not from_database(error):
            raise
        warn_of_query(error, source)
        return []
    errors = [str(one) for one in found if one.level >= checks.ERROR and not one.is_silenced()]
    others = [one for one in found if one.level == checks.WARNING and not one.is_silenced()]
    if others:
        WARNINGS.append("Django's checks give %d warnings, the first: %s" % (len(others), str(others[0])[:300]))
    return errors


def below(path, source):
    """Return a path as one below the source; empty if it lies elsewhere."""
    found = os.path.normpath(os.path.join(os.getcwd(), str(path or "")))
    return found[len(source) + 1 :] if path and found.startswith(source + os.sep) else ""


def written_later(own, settings, source):
    """Return the files and folders below the source that the site will write to, as its settings say."""
    names = [database.get("NAME") for database in settings.DATABASES.values() if database["ENGINE"].endswith("sqlite3")]
    folders = [own.get("EMAIL_FILE_PATH"), own.get("SESSION_FILE_PATH")]
    caches = (own.get("CACHES") or {}).values()
    folders += [cache.get("LOCATION") for cache in caches if str(cache.get("BACKEND")).endswith("FileBasedCache")]
    named = [str(name) for name in names if name] + [os.path.join(str(name), "") for name in folders if name]
    found = [os.path.join(os.getcwd(), name) for name in named if not name.startswith((":", "file:"))]
    return [name[len(source) + 1 :] for name in found if name.startswith(source + os.sep)]


def facts(settings, source):
    """Return what the platform wants to know about the project."""
    import django
    from django.apps import apps
    from django.db import connections

    import dz_data

    own = sys.modules["dz_settings"]._own
    engine = (own.get("DATABASES") or {}).get("default", {}).get("ENGINE", "")
    WARNINGS.extend(dz_front.changed(own))
    others = [alias for alias in connections if connections[alias].settings_dict["ENGINE"].endswith("sqlite3")]
    for name, path in sys.modules["dz_settings"]._redirected.items():
        WARNINGS.append(
            "LOGGING writes to %s (handler %s); on the site this goes to the site's own log."
            % (os.path.basename(path), name)
        )
    migrations = [app.label for app in apps.get_app_configs() if os.path.isdir(os.path.join(app.path, "migrations"))]
    return {
        "django_version": django.get_version(),
        "secret_key": bool(own.get("SECRET_KEY")),
        "static_root": below(own.get("STATIC_ROOT"), source),
        "static_url": settings.STATIC_URL,
        "media_url": settings.MEDIA_URL,
        "engine": engine,
        "used_engine": settings.DATABASES["default"]["ENGINE"],
        "sqlite_aliases": others,
        "data": dz_data.look(source, own),
        "written_later": written_later(own, settings, source),
        "migrations": migrations,
    }


def known_paths():
    """Return paths by which a site without a front page can be seen to live."""
    import dz_paths

    try:
        return dz_paths.known()
    except Exception as error:  # noqa: BLE001
        if not from_database(error):
            WARNINGS.append("The URLs could not be looked through: %s" % str(error)[:300])
        return []


def load_application(kind, source):
    """Load the application; an error that Django's own application has, too, is not one of the project's module.

    Return None if it asks the database for something, which is not there while a site is built.
    """
    import dz_application

    try:
        return dz_application.load(kind)
    except (Exception, SystemExit) as error:
        if from_database(error):
            warn_of_query(error, source)
            return None
        try:
            dz_application.plain(kind)
        except (Exception, SystemExit):  # noqa: BLE001
            STAGE[0] = "handler"
        raise


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


def collect(job, settings, source):
    """Collect the static files and compile translations; say whether static files were collected."""
    unless_it_fails("Translations could not be compiled", lambda: compile_missing(job, settings, source))
    collected = collect_static(job, settings, source)
    if collected:
        unless_it_fails("Templates could not be looked through", lambda: warn_of_missing(settings, source))
    return collected


def unless_it_fails(said, work):
    """Do work that a site can live without; its error is a warning."""
    try:
        work()
    except Exception as error:  # noqa: BLE001
        WARNINGS.append("%s: %s" % (said, str(error)[:300]))


def stages(job, source, report):
    """Go through the stages; the report keeps what was found before one fails."""
    from django.conf import settings

    watch_the_load()
    settings.INSTALLED_APPS  # noqa: B018
    STAGE[0] = "setup"
    import django

    django.setup()
    report.update(facts(settings, source))
    static = None if job.get("request") else Aside("static", source, lambda: collect(job, settings, source))
    migrations = Aside("migrations", source, lambda: examine(source, job.get("migrates"), job.get("models")))
    STAGE[0] = "check"
    threads = threading.active_count()
    report["check_errors"] = run_checks(source)
    report["urls_start_no_thread"] = threading.active_count() <= threads
    if report["check_errors"]:
        return False
    STAGE[0] = "application"
    application = load_application(job["application"], source)
    report["loads_alike"] = not ASKED and threading.active_count() == 1
    if job.get("request"):
        STAGE[0] = "request"
        fine = page(job["application"], application, report)
        report.update(migrations.result())
        return fine
    report["known_paths"] = known_paths()
    report.update(migrations.result())
    STAGE[0] = "map"
    copy_map(job, source)
    report["collected"] = static.result()
    return True


def main(job_file, nonce, plan, source):
    """Verify the project and write the report; exit code 0 means that all of it was well."""
    with open(job_file, encoding="utf-8") as stream:
        job = json.load(stream)
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
