# mypy: ignore-errors
"""Finds the rows in a SQLite database that was committed with the code, and copies them into the site's own database.

Uploaded files that these rows name, and that were committed, too, go along.

Runs in the project's interpreter, as the project's user.
"""

import json
import os
import shutil
import sqlite3
import sys
import tempfile

SKIPPED = ("django_session",)
"""Tables whose rows mean nothing on another site."""
_MADE = ("django_content_type", "auth_permission", "django_site")
"""Tables that `migrate` fills by itself."""
_SUFFIXES = (".sqlite3", ".sqlite", ".db", ".db3")
_AT_ONCE = 500
_COUNT = "select count(*) from %s"


class NotCopied(Exception):
    """Why nothing was copied, in words for the project's owner."""


def look(source, own):
    """Return the file, as a path below the source, and the rows of each table of the project's models; or None.

    Args:
        own: the project's own settings.
    """
    folders = dict.fromkeys([os.getcwd(), source])
    default = (own.get("DATABASES") or {}).get("default") or {}
    named = [os.path.join(os.getcwd(), str(default["NAME"]))] if "sqlite" in str(default.get("ENGINE")) else []
    lying = [os.path.join(folder, name) for folder in folders for name in sorted(os.listdir(folder))]
    for path in map(os.path.normpath, named + [path for path in lying if path.endswith(_SUFFIXES)]):
        if path.startswith(source + os.sep) and os.path.isfile(path) and not os.path.islink(path):
            rows = _rows(path)
            if set(rows) - set(_MADE):
                return {"file": path[len(source) + 1 :], "rows": rows}
    return None


def _uri(path):
    # The folder cannot be written to, as SQLite otherwise expects; nobody else changes the file.
    return "file:%s?mode=ro&immutable=1" % path.replace("%", "%25").replace("?", "%3f").replace("#", "%23")


def _rows(path):
    """Return how many rows each table of the project's models has; empty if the file is no database of Django's."""
    try:
        connection = sqlite3.connect(_uri(path), uri=True)
        tables = {row[0] for row in connection.execute("select name from sqlite_master where type = 'table'")}
        if "django_migrations" not in tables:
            return {}
        wanted = sorted({model._meta.db_table for model in _models()} & tables - set(SKIPPED))
        quoted = {name: '"' + name.replace('"', '""') + '"' for name in wanted}
        counts = {name: connection.execute(_COUNT % quoted[name]).fetchone()[0] for name in wanted}
    except (sqlite3.Error, UnicodeError):
        return {}
    return {name: count for name, count in counts.items() if count}


def _models():
    from django.apps import apps

    return [
        model
        for model in apps.get_models(include_auto_created=True)
        if model._meta.managed and not model._meta.proxy and not model._meta.swapped
    ]


def main(words):
    """Copy the rows of the named file; return the exit code. What happened is the last line of the output."""
    import django

    django.setup()
    source, folder = (
        os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "src"),
        tempfile.mkdtemp(),
    )
    try:
        counts = copy(os.path.join(source, words[0]), folder)
        files = copy_uploads(source)
    except NotCopied as error:
        print("dz_data: " + " ".join(str(error).split()))
        return 1
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    print("dz_data: " + json.dumps({"rows": counts, "files": files, "superusers": superusers()}))
    sys.stdout.flush()
    return 0


def copy(path, folder):
    """Copy all rows in one transaction, checked by counts; return the count of each table.

    What `migrate` has put into the tables is replaced by what the file holds, so that references keep their meaning.

    Args:
        folder: where a copy of the file may lie.
    """
    from django.core.management import call_command
    from django.core.management.color import no_style
    from django.db import DatabaseError, connection, connections, transaction

    source = connections.databases["dz_source"] = dict(connections.databases["default"])
    source.update(ENGINE="django.db.backends.sqlite3", NAME=_uri(path), OPTIONS={"uri": True}, HOST="", PORT="")
    source.update(ATOMIC_REQUESTS=False, USER="", PASSWORD="", CONN_MAX_AGE=0)  # noqa: S106
    tables = set(connections["dz_source"].introspection.table_names())
    models = [model for model in _models() if model._meta.db_table in tables - set(SKIPPED)]
    _refuse_used(connection, connections["dz_source"] if "django_admin_log" in tables else None)
    lacking = _lacking(connections["dz_source"])
    if lacking:
        _bring_up_to_date(connections["dz_source"], path, os.path.join(folder, "data.sqlite3"), lacking)
    table = ""
    try:
        with transaction.atomic():
            for model in models:
                _run(connection, "delete from %s", model._meta.db_table)
            counts = {}
            for model in models:
                table = model._meta.db_table
                counts[table] = _copy_table(model)
            table = "the references between tables"
            connection.check_constraints()
            with connection.cursor() as cursor:
                for statement in connection.ops.sequence_reset_sql(no_style(), models):
                    cursor.execute(statement)
    except (DatabaseError, ValueError, TypeError) as error:
        raise NotCopied("%s: %s" % (table, error)) from error
    # Models that the file does not know yet get their content types and permissions.
    call_command("migrate", interactive=False, verbosity=0)
    return {name: count for name, count in counts.items() if count}


def superusers():
    """Return how many active accounts of the site have all rights."""
    from django.contrib.auth import get_user_model
    from django.core.exceptions import FieldError, ImproperlyConfigured

    try:
        return get_user_model()._base_manager.filter(is_active=True, is_superuser=True).count()
    except (FieldError, ImproperlyConfigured):  # accounts of the project's own kind, or none
        return 0


def copy_uploads(source):
    """Copy the committed files that rows name into the site's own MEDIA_ROOT; return how many were copied."""
    from django.conf import settings

    import dz_settings

    own = os.path.abspath(str(dz_settings._own.get("MEDIA_ROOT") or source))
    if not own.startswith(source + os.sep):
        return 0
    copied = 0
    for name in sorted(set(_uploads(os.path.abspath(str(settings.MEDIA_ROOT))))):
        there, here = (os.path.normpath(os.path.join(root, name)) for root in (own, str(settings.MEDIA_ROOT)))
        if there.startswith(own + os.sep) and os.path.isfile(there) and not os.path.lexists(here):
            os.makedirs(os.path.dirname(here), exist_ok=True)
            shutil.copyfile(there, here)
            copied += 1
    return copied


def _uploads(root):
    """Yield the names of files below MEDIA_ROOT that rows of the site hold."""
    from django.db.models import FileField

    for model in _models():
        for field in model._meta.local_concrete_fields:
            location = getattr(field.storage, "location", "") if isinstance(field, FileField) else ""
            if location and os.path.abspath(str(location)) == root:
                names = model._base_manager.order_by().values_list(field.attname, flat=True)
                yield from (str(name) for name in names.iterator() if name)


def _copy_table(model):
    """Copy one table and return the number of its rows; no signal is sent and no value is made anew."""
    from django.db import connection, connections

    fields = [field for field in model._meta.local_concrete_fields if not getattr(field, "generated", False)]
    names = [field.attname for field in fields]
    with connections["dz_source"].cursor() as cursor:
        found = connections["dz_source"].introspection.get_table_description(cursor, model._meta.db_table)
    wanted = _run(connections["dz_source"], _COUNT, model._meta.db_table)
    missing = {field.column for field in fields} - {column.name for column in found}
    if missing:
        raise NotCopied("%s has no column %s in the file" % (model._meta.db_table, ", ".join(sorted(missing))))
    rows, waiting = model._base_manager.using("dz_source").order_by().values_list(*names), []
    for row in rows.iterator(chunk_size=_AT_ONCE):
        waiting.append(model.from_db("default", names, row))
        if len(waiting) == _AT_ONCE:
            _insert(model, waiting, fields)
            waiting = []
    _insert(model, waiting, fields)
    copied = _run(connection, _COUNT, model._meta.db_table)
    if copied != wanted:
        raise NotCopied("%s has %d rows in the file, and %d were copied" % (model._meta.db_table, wanted, copied))
    return copied


def _run(connection, statement, table):
    """Run a statement about one table and return the number that it answers, if it answers one."""
    with connection.cursor() as cursor:
        cursor.execute(statement % connection.ops.quote_name(table))
        return cursor.fetchone()[0] if cursor.description else None


def _insert(model, objects, fields):
    from django.db import connection
    from django.db.models.sql import InsertQuery

    if objects:
        query = InsertQuery(model)
        query.insert_values(fields, objects, raw=True)
        query.get_compiler(connection=connection).execute_sql()


def _refuse_used(connection, logged):
    """Refuse a database that people have used already.

    `logged` is the file's connection, if the file logs what was done in the admin: a deploy that failed later than its
    copy has brought these lines along, and the next one copies again.
    """
    with connection.cursor() as cursor:
        tables = set(connection.introspection.table_names(cursor))
    copied = _run(logged, _COUNT, "django_admin_log") if logged else 0
    for table, known in (("django_session", 0), ("django_admin_log", copied)):
        if table in tables and _run(connection, _COUNT, table) > known:
            raise NotCopied("the site's database has been used: %s has rows" % table)


def _lacking(source):
    """Return the names of the project's migrations that were not applied to the file."""
    from django.db.migrations.loader import MigrationLoader

    loader = MigrationLoader(source)
    applied = set(loader.applied_migrations)
    replaced = {key for key in loader.disk_migrations if set(loader.disk_migrations[key].replaces) & applied}
    lacking = sorted(set(loader.disk_migrations) - applied - replaced)
    installed = {app for app, _ in applied}
    return ["%s.%s" % key for key in lacking if key[0] in installed and not loader.disk_migrations[key].replaces]


def _bring_up_to_date(source, path, target, lacking):
    """Apply what the file lacks to a copy of it, and read that: newer packages bring migrations of their own."""
    from django.core.management import call_command

    shutil.copyfile(path, target)
    source.close()
    source.settings_dict.update(NAME=target, OPTIONS={})
    try:
        call_command("migrate", database="dz_source", interactive=False, verbosity=0)
        left = _lacking(source)
    except Exception as error:  # a migration can raise anything
        raise NotCopied(
            "migrations were not applied to the file, and cannot be applied to a copy of it: %s (%s: %s)"
            % (", ".join(lacking[:5]), type(error).__name__, error)
        ) from error
    if left:
        raise NotCopied("migrations were not applied to the file: " + ", ".join(left[:5]))
