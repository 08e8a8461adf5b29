# mypy: ignore-errors
"""Lets a migration wait only shortly for a lock: every request that needs the table waits behind a migration that waits.

Runs in the project's interpreter: no imports but the standard library and Django, and old syntax.
"""

import contextlib
import functools

SECONDS = 2
MARK = "dz_locks: "
"""Begins the line that tells the appserver that a migration did not get its lock, and who may hold it."""
_CODES = ("55P03", "40P01")
"""PostgreSQL's lock_not_available, of lock_timeout, and deadlock_detected."""
_BLOCKERS = """
    select pid, state, extract(epoch from clock_timestamp() - xact_start)::int,
           substring(query from '^[[:space:]]*(([^[:space:]]+[[:space:]]*){1,3})')
    from pg_stat_activity
    where datname = current_database() and pid <> pg_backend_pid() and xact_start is not null
    order by xact_start limit 3
"""


def bound_waits():
    """Have each migration that can be rolled back give up its wait for a lock, and say what it waited for."""
    try:
        from django.db.migrations.executor import MigrationExecutor
    except ImportError:  # before Django 1.7
        return
    plain = MigrationExecutor.apply_migration
    if hasattr(plain, "__wrapped__"):
        return

    @functools.wraps(plain)
    def apply_migration(self, state, migration, *args, **named):
        if self.connection.vendor != "postgresql":
            return plain(self, state, migration, *args, **named)
        # Without a transaction, half of a migration could stay; and what needs none locks no table for long.
        _set_timeout(self.connection, SECONDS if getattr(migration, "atomic", True) else 0)
        try:
            return plain(self, state, migration, *args, **named)
        except Exception as error:
            if _code(error) in _CODES:
                print("\n" + MARK + _blockers(self.connection), flush=True)
            raise

    MigrationExecutor.apply_migration = apply_migration


def _set_timeout(connection, seconds):
    with connection.cursor() as cursor:
        cursor.execute("select set_config('lock_timeout', %s, false)", ["%ds" % seconds])


def _code(error):
    cause = getattr(error, "__cause__", None) or error
    return getattr(cause, "sqlstate", None) or getattr(cause, "pgcode", None)


def _blockers(connection):
    """Describe the oldest open transactions on the site's database: kinds of statements, no values."""
    with contextlib.suppress(Exception), connection.cursor() as cursor:
        cursor.execute(_BLOCKERS)
        rows = cursor.fetchall()
        if rows:
            return "; ".join(
                "process %s of PostgreSQL is %s, in a transaction for %s s, last statement: %s ..."
                % (pid, state or "not visible", seconds, " ".join((words or "").split()))
                for pid, state, seconds, words in rows
            )
    return "its transaction has ended since"
