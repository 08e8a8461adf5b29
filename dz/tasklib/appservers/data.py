"""Copies the rows of a database that was committed with the code into the site's own, once, if its owner said yes."""

import json
from collections.abc import Callable

from dz.adapters.processes import Finished
from dz.errors import DataNotCopied
from dz.tasklib.appservers.instance import AppInstance
from dz.tasklib.jobs import jobs, log
from dz.tasklib.releases import releases
from dz.text import printable
from dz.zoomdb import Zoomdb

COMMAND = "dz_data"
"""What `shim/dz_run.py` takes for the copy, instead of a command of manage.py."""


def copy_once(zoomdb: Zoomdb, instance: AppInstance, job: int, *, run: Callable[[list[str]], Finished]) -> None:
    """Copy the rows, unless nobody asked for that or users have seen a version of the project already.

    Args:
        job: it learns how many rows were copied.
        run: runs a command of the project.

    Raises:
        DataNotCopied: the site's database has its tables, and none of the rows.
    """
    manifest = instance.manifest
    if not (manifest.plan.copy_data and manifest.data_file) or releases.was_published(zoomdb, instance.project_id):
        return
    done = run([COMMAND, manifest.data_file])
    said = next((line for line in reversed(done.output.splitlines()) if line.startswith(f"{COMMAND}: ")), "")
    said = printable(said.removeprefix(f"{COMMAND}: "))[:2000]
    if not done.ok:
        raise DataNotCopied(
            f"The rows of {manifest.data_file} were not copied: {said or done.tail(5)}. The site's new database has its tables, "
            "and none of these rows.",
            "Correct the rows or the models on your machine (`python manage.py migrate` brings the file up to date), commit "
            "the file and deploy again; or decline them: copy_data = no, `dz launch --without-data`.",
        )
    counts, uploads, superusers = _told(said)
    jobs.set_result(zoomdb, job, copied=counts)
    shown = ", ".join(f"{table} {count}" for table, count in sorted(counts.items(), key=lambda row: -row[1])[:10])
    total = sum(counts.values())
    more = f" Committed files that they name are uploads of the site now: {uploads}." if uploads else ""
    warnings = [_of_superusers(superusers, manifest.data_file)] if superusers else []
    log.note(
        zoomdb, job, warnings, info=f"{total} rows of {manifest.data_file} were copied and counted: {shown}.{more}"
    )


def _of_superusers(count: int, file: str) -> str:
    many = f"{count} accounts with superuser rights" if count > 1 else "1 account with superuser rights"
    return (
        f"{many} came with the rows of {file}. Whoever can read the repository has what its passwords are checked against: "
        "give them new ones, and remove accounts that were only for trying."
    )


def _told(text: str) -> tuple[dict[str, int], int, int]:
    """Return the rows of each table, and how many files and superusers came along; the project's process may say anything."""
    try:
        found = json.loads(text)
    except ValueError:
        return {}, 0, 0
    told = found if isinstance(found, dict) else {}
    if not isinstance(told.get("rows"), dict):  # a bundle that was stored before tells of rows alone
        told = {"rows": told}
    rows = {table: count for table, count in told["rows"].items() if isinstance(count, int)}
    files, superusers = (one if isinstance(one := told.get(key), int) else 0 for key in ("files", "superusers"))
    return rows, files, superusers
