# mypy: ignore-errors
"""Says what a project's migrations are, and where its models are ahead of them; needs no database.

Runs in the project's interpreter: no imports but the standard library and Django, and old syntax.
"""

import glob
import hashlib
import os
import sys

from dz_history import column, told
from dz_report import WARNINGS
from dz_request import from_database

_HARMLESS = ("AlterModelOptions", "AlterModelManagers", "AlterModelTableComment", "DeleteModel")
"""Operations without which a site works: tables and columns that its models name are there."""
_LISTED = 20


def examine(source, must_load, known):
    """Return a digest of the names of all migrations, and what is wrong with them and with those of the project's apps.

    What they do, and whether models are ahead of them, is not asked again if `known` is the digest of the code that
    decides it. Raises what
    loading the migrations raises if they must load; else that is a warning.
    """
    try:
        from django.db.migrations.loader import MigrationLoader
    except ImportError:  # before Django 1.7
        return {"schema": ""}
    try:
        loader = MigrationLoader(None)
    except (Exception, SystemExit) as error:  # noqa: BLE001
        if must_load and not from_database(error):
            raise
        WARNINGS.append("The migrations could not be loaded: %s" % str(error)[:300])
        return {"schema": ""}
    names = sorted("%s.%s" % key for key in loader.disk_migrations)
    own = _own_apps(source)
    unmigrated = _unmigrated(loader, own, source)
    report = {
        "schema": hashlib.sha256("\n".join(names).encode("utf-8")).hexdigest(),
        "conflicts": {label: sorted(found) for label, found in loader.detect_conflicts().items()},
        "unmigrated": unmigrated,
    }
    report["models"] = _of_models(source)
    if report["models"] != known:
        report["history"], migrated = _history(loader)
        if not report["conflicts"]:
            left = {app.label for app in own} - {one["app"] for one in unmigrated}
            report["unmade"] = _unmade(loader, left, migrated)
    return report


def _own_apps(source):
    """Return the apps whose code lies in the repository."""
    from django.apps import apps

    inside = os.path.realpath(source) + os.sep
    places = [(app, os.path.realpath(app.path)) for app in apps.get_app_configs()]
    return [app for app, place in places if place.startswith(inside) and "site-packages" not in place]


def _unmigrated(loader, own, source):
    """Return the apps that have models whose tables migrations should make, and no migration."""
    having = {label for label, _ in loader.disk_migrations}
    needed = {
        needed: label
        for (label, _), migration in loader.disk_migrations.items()
        for needed, _ in migration.dependencies
        if needed != label
    }
    found = []
    for app in own:
        models = [one.__name__ for one in app.get_models() if _needs_table(one._meta)]
        if models and app.label not in having:
            folder = os.path.relpath(os.path.realpath(app.path), os.path.realpath(source))
            unseen = glob.glob(os.path.join(glob.escape(app.path), "migrations", "0*.py"))
            one = {"app": app.label, "models": models[:_LISTED], "folder": folder, "unseen": bool(unseen)}
            found.append(dict(one, needed_by=needed.get(app.label)))
    return found


def _needs_table(meta):
    return meta.managed and not meta.proxy and not meta.swapped


def _of_models(source):
    """Return a digest of the project's code that is loaded by now: settings, models, migrations, what these import."""
    from django.apps import apps

    inside = (source + os.sep, os.path.realpath(source) + os.sep)
    digest = hashlib.sha256(" ".join(app.name for app in apps.get_app_configs()).encode("utf-8"))
    for name, module in sorted(sys.modules.items()):
        path = getattr(module, "__dict__", {}).get("__file__") or ""
        if path.startswith(inside) and os.path.isfile(path):
            with open(path, "rb") as stream:
                digest.update(name.encode("utf-8") + hashlib.sha256(stream.read()).digest())
    return digest.hexdigest()


def _history(loader):
    """Return what each migration takes from older code, and the models after them; None where that cannot be told."""
    try:
        return told(loader)
    except Exception as error:  # noqa: BLE001
        WARNINGS.append("What the migrations do could not be told: %s" % str(error)[:300])
        return None, None


def _unmade(loader, labels, migrated):
    """Return for each app the changes of its models that no migration makes, as `makemigrations` would name them."""
    from django.apps import apps
    from django.db.migrations.autodetector import MigrationAutodetector
    from django.db.migrations.questioner import MigrationQuestioner
    from django.db.migrations.state import ProjectState

    asker = MigrationQuestioner({"ask_initial": True}, specified_apps=labels, dry_run=True)
    try:
        detector = MigrationAutodetector(migrated or loader.project_state(), ProjectState.from_apps(apps), asker)
        changes = detector.changes(graph=loader.graph)
        found = {}
        for label in labels & set(changes):
            operations = [one for migration in changes[label] for one in migration.operations]
            found[label] = [one.describe() for one in operations if not _is_harmless(detector, label, one)][:_LISTED]
    except Exception as error:  # noqa: BLE001
        WARNINGS.append("Whether a migration is missing could not be told: %s" % str(error)[:300])
        return {}
    return {label: operations for label, operations in found.items() if operations}


def _is_harmless(detector, label, operation):
    kind = type(operation).__name__
    if kind != "AlterField":
        return kind in _HARMLESS
    state = detector.from_state.models.get((label, operation.model_name.lower()))
    before = dict(state.fields).get(operation.name) if state else None
    if before is None:
        return False
    if before.primary_key and operation.field.primary_key and before.auto_created and operation.field.auto_created:
        return True  # only DEFAULT_AUTO_FIELD has changed: the old kind of key works
    return column(detector.from_state, before) == column(detector.from_state, operation.field)
