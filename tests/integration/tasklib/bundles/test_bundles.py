"""Bundles as zoomdb lists them, and their layers in the store."""

import datetime as dt
from dataclasses import replace

import pytest

from dz.adapters.archive import pack
from dz.adapters.bundle_store import DirectoryBundleStore, layer_key, manifest_key
from dz.errors import BundleMissing
from dz.tasklib.bundles import bundles, packing
from dz.zoomdb.models import Project
from tests.manifests import MANIFEST


@pytest.fixture
def store(tmp_path):
    return DirectoryBundleStore(tmp_path / "store")


@pytest.fixture
def recorded(zoomdb, store, tmp_path):
    """Record and upload a bundle of the given layers: content of one file each; returns the bundle's id and layers."""
    with zoomdb.session() as session:
        project = Project(name="site", title="Site", source_url="https://example.org/site")
        session.add(project)
        session.flush()
        number, sysid = project.id, project.sysid

    def call(name, *contents):
        layers = []
        for content in contents:
            folder = tmp_path / "in" / content
            folder.mkdir(parents=True, exist_ok=True)
            (folder / "file").write_text(content)
            layer = pack(folder, tmp_path / "layer", kind="code")
            (tmp_path / "layers").mkdir(exist_ok=True)
            (tmp_path / "layer").rename(tmp_path / "layers" / f"{layer.sha256}.tar.zst")
            layers.append(layer)
        manifest = replace(MANIFEST, sysid=sysid, name=name, layers=tuple(layers))
        bundle = bundles.record(zoomdb, number, manifest, message="m" * 300, config="")
        packing.upload(manifest, layers_folder=tmp_path / "layers", store=store)
        bundles.mark_uploaded(zoomdb, bundle)
        return bundle, layers

    call.project = number
    call.sysid = sysid
    return call


def test_a_bundle_is_recorded_once_and_listed(zoomdb, recorded):
    first, layers = recorded("one", "a", "b")
    listed = bundles.list_bundles(zoomdb, recorded.project)
    assert recorded("one", "a", "b")[0] == first
    assert bundles.list_bundles(zoomdb, recorded.project) == listed
    assert [(found.id, found.layers, len(found.message)) for found in listed] == [(first, tuple(layers), 200)]
    assert listed[0].uploaded is not None
    assert bundles.manifest_of(zoomdb, first).name == "one"


def test_deleting_keeps_the_layers_that_another_bundle_needs(zoomdb, store, recorded, tmp_path):
    first, (shared, own) = recorded("one", "shared", "own")
    second, _ = recorded("two", "shared")
    for _ in range(2):
        bundles.delete(zoomdb, first, store)
    store.get_layer(shared, tmp_path / "down")
    with pytest.raises(BundleMissing):
        store.get_layer(own, tmp_path / "down2")
    with pytest.raises(BundleMissing):
        store.get_manifest(manifest_key(recorded.sysid, "one"))
    assert [found.id for found in bundles.list_bundles(zoomdb, recorded.project)] == [second]
    bundles.delete(zoomdb, second, store)
    assert not (tmp_path / "store" / layer_key(shared.sha256)).exists()


def test_a_bundle_is_named_by_its_project_and_the_moment_in_utc():
    berlin = dt.timezone(dt.timedelta(hours=1))
    moment = dt.datetime(2026, 11, 24, 22, 30, 0, 123999, tzinfo=berlin)
    assert bundles.bundle_name("p00000001", moment) == "bundle_p00000001_20261124T213000123Z"
