"""What a build that was proved leaves in zoomdb."""

from dataclasses import replace
from pathlib import Path

from dz.tasklib import projects
from dz.tasklib.bundles import build, bundles
from dz.tasklib.checkouts.checkouts import Checkout
from dz.tasklib.configuration import zoombuild
from dz.zoomdb import Zoomdb
from dz.zoomdb.models import Bundle
from tests.manifests import MANIFEST, PLAN


def test_a_build_that_was_proved_gives_the_project_its_title_and_source_and_a_bundle(zoomdb: Zoomdb) -> None:
    project = projects.ensure(zoomdb, name="shop", url="https://example.org/old.git", ref=None).id
    plan = replace(PLAN, title="My shop", processes=3)
    url, commit = "https://example.org/new.git", MANIFEST.commit
    checkout = Checkout(Path("/checkout"), url, "live", commit, "Sell\0 more", MANIFEST.sysid)

    number = build.record(zoomdb, project, plan, checkout, MANIFEST)

    view = projects.get(zoomdb, project)
    assert (view.title, view.source_url, view.ref, view.version) == ("My shop", url, "live", None)
    [listed] = bundles.list_bundles(zoomdb, project)
    assert (listed.id, listed.name, listed.message, listed.uploaded) == (number, MANIFEST.name, "Sell more", None)
    assert bundles.manifest_of(zoomdb, number) == MANIFEST
    with zoomdb.session() as session:
        config = session.get_one(Bundle, number).config or ""
    assert zoombuild.parse(config).values["processes"] == 3
    assert build.record(zoomdb, project, plan, checkout, MANIFEST) == number, "repeated, it is the same bundle"
