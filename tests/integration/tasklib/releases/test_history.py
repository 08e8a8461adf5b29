"""Which migrations lie between a version and the database, and whether its code bears them."""

from dataclasses import replace

import pytest
from sqlalchemy import func

from dz.errors import RollbackRefused
from dz.tasklib.bundles import bundles
from dz.tasklib.bundles.manifest import Manifest
from dz.tasklib.releases import history, releases
from dz.zoomdb import Zoomdb
from dz.zoomdb.models import Project, Release
from tests.manifests import MANIFEST

FIRST = {"shop.0001_initial": []}
ADDED = {**FIRST, "shop.0002_colour": []}
ROWS = {**ADDED, "shop.0003_rows": [("rows", "Raw Python operation")]}
GONE = {
    **ROWS,
    "shop.0004_gone": [("loses", "Remove field price from product"), ("breaks", "Rename field a on b to c")],
}


@pytest.fixture
def project(zoomdb: Zoomdb) -> int:
    with zoomdb.session() as session:
        row = Project(name="site", title="Site", source_url="https://example.org/site")
        session.add(row)
        session.flush()
        return row.id


def version(
    zoomdb: Zoomdb, project: int, migrations: dict[str, list[tuple[str, str]]] | None, *, ran: bool = True
) -> int:
    number = len(releases.listed(zoomdb, project)) + 1
    schema = str(sorted(migrations)) if migrations is not None else f"unknown {number}"
    manifest: Manifest = replace(MANIFEST, name=f"b{number}", schema=schema, migrations=migrations)
    bundle = bundles.record(zoomdb, project, Manifest.from_json(manifest.to_json()), message="A change", config="")
    release = releases.create(zoomdb, project, bundle)
    with zoomdb.session() as session:
        session.get_one(Release, release).hooks_done = func.now() if ran else None
    return release


def test_code_bears_migrations_that_only_add_and_rows_are_warned_of(zoomdb: Zoomdb, project: int) -> None:
    first, second, third = [version(zoomdb, project, migrations) for migrations in (FIRST, ADDED, ROWS)]
    assert history.since(zoomdb, third).info == ""
    found = history.since(zoomdb, second)
    (warning,) = found.warnings
    assert "changed rows by code of the project, which stays so: shop.0003_rows (Raw Python operation)." in warning
    found = history.since(zoomdb, first)
    found.refuse()
    assert found.info == ("the database stays; 2 migrations are later than version 1: shop.0002_colour, shop.0003_rows")


def test_a_version_that_names_what_is_gone_is_refused_until_the_owner_says_yes(zoomdb: Zoomdb, project: int) -> None:
    first = version(zoomdb, project, FIRST)
    version(zoomdb, project, GONE)
    # A later version without the migrations gives the database nothing back, and one that never ran changed nothing.
    version(zoomdb, project, FIRST)
    version(zoomdb, project, {"shop.0005_never": [("loses", "Delete model Product")]}, ran=False)
    with pytest.raises(RollbackRefused) as raised:
        history.since(zoomdb, first).refuse()
    assert (
        "shop.0004_gone: Remove field price from product (its data are gone); shop.0004_gone: Rename field a on b to c"
        in (raised.value.found)
    )
    assert "0005" not in raised.value.found
    assert "`dz rollback site 1 --yes`" in raised.value.remedy


def test_what_was_built_before_this_was_kept_is_only_warned_of(zoomdb: Zoomdb, project: int) -> None:
    old = version(zoomdb, project, None)
    assert history.since(zoomdb, old).warnings == []
    new = version(zoomdb, project, FIRST)
    found = history.since(zoomdb, old)
    found.refuse()
    assert "cannot be told" in found.warnings[0]
    assert "cannot be told" in history.since(zoomdb, new).warnings[0]
