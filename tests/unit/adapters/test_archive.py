import os
import random

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dz.adapters.archive import Layer, extract, pack
from dz.errors import BundleRefused


def unpack(archive, target):
    extract(archive, target, owner=None, max_bytes=10_000_000, max_members=1000)


def test_equal_content_gives_equal_bytes_and_skipped_paths_are_absent(tmp_path):
    for name in ("one", "two"):
        folder = tmp_path / name
        (folder / "bin").mkdir(parents=True)
        for file in ("b", "a") if name == "one" else ("a", "b"):
            (folder / "bin" / file).write_text(file)
        os.utime(folder / "bin" / "a", (1, len(name)))
    (tmp_path / "two" / "bin" / "python3").symlink_to("/usr/bin/python3")
    layers = [
        pack(tmp_path / name, tmp_path / f"{name}.tar.zst", kind="code", skip=lambda path: path == "bin/python3")
        for name in ("one", "two")
    ]
    assert layers[0] == layers[1]


def test_packing_refuses_pipes_and_links_that_lead_out(tmp_path):
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "l").symlink_to("/etc")
    with pytest.raises(BundleRefused, match="/etc"):
        pack(tmp_path / "a", tmp_path / "a.tar.zst", kind="code")
    (tmp_path / "b").mkdir()
    os.mkfifo(tmp_path / "b" / "p")
    with pytest.raises(BundleRefused, match="pipe"):
        pack(tmp_path / "b", tmp_path / "b.tar.zst", kind="code")
    assert not list(tmp_path.glob("*.zst")) + list(tmp_path.glob(".*part"))


def test_a_folder_swapped_for_a_link_leads_packing_nowhere(tmp_path):
    (tmp_path / "in" / "d").mkdir(parents=True)
    (tmp_path / "in" / "d" / "a").write_text("own")
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside" / "a").write_text("secret")

    def swap(path):
        if path == "d/a":
            (tmp_path / "in" / "d").rename(tmp_path / "in" / "e")
            (tmp_path / "in" / "d").symlink_to(tmp_path / "outside")
        return False

    pack(tmp_path / "in", tmp_path / "a.tar.zst", kind="code", skip=swap)
    unpack(tmp_path / "a.tar.zst", tmp_path / "out")
    assert (tmp_path / "out" / "d" / "a").read_text() == "own"


def test_packing_goes_as_deep_as_extracting(tmp_path):
    deep = tmp_path / "in" / "/".join("d" * 255)
    deep.mkdir(parents=True)
    (deep / "a").write_text("x")
    pack(tmp_path / "in", tmp_path / "a.tar.zst", kind="code")
    unpack(tmp_path / "a.tar.zst", tmp_path / "out")
    assert (tmp_path / "out" / deep.relative_to(tmp_path / "in") / "a").read_text() == "x"
    (deep / "d").mkdir()
    with pytest.raises(BundleRefused, match="more than 255 folders"):
        pack(tmp_path / "in", tmp_path / "a.tar.zst", kind="code")


def test_the_bytes_do_not_depend_on_the_number_of_cores(tmp_path):
    (tmp_path / "in").mkdir()
    for number in range(5):
        (tmp_path / "in" / f"{number}").write_bytes(random.Random(number).randbytes(500_000) * 16)
    cores = os.sched_getaffinity(0)
    layers = [pack(tmp_path / "in", tmp_path / "a.tar.zst", kind="code")]
    os.sched_setaffinity(0, {min(cores)})
    try:
        layers.append(pack(tmp_path / "in", tmp_path / "a.tar.zst", kind="code"))
    finally:
        os.sched_setaffinity(0, cores)
    assert layers[0] == layers[1]
    assert layers[0].size < 5 * 8_000_000 // 2


NAMES = st.text(st.characters(exclude_characters="/\0", exclude_categories=["Cs"]), min_size=1, max_size=60).filter(
    lambda name: name not in (".", "..") and len(name.encode()) < 200
)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(files=st.dictionaries(st.tuples(NAMES, NAMES), st.tuples(st.binary(max_size=2000), st.booleans()), max_size=6))
def test_what_is_packed_comes_back(files, tmp_path_factory):
    base = tmp_path_factory.mktemp("round")
    (base / "in").mkdir()
    for (folder, name), (content, executable) in files.items():
        (base / "in" / folder).mkdir(exist_ok=True)
        file = base / "in" / folder / name
        file.write_bytes(content)
        file.chmod(0o755 if executable else 0o644)
    pack(base / "in", base / "a.tar.zst", kind="static")
    unpack(base / "a.tar.zst", base / "out")
    assert tree(base / "in") == tree(base / "out")


def tree(root):
    return {
        str(path.relative_to(root)): (path.stat().st_mode & 0o777, path.read_bytes()) if path.is_file() else None
        for path in root.rglob("*")
    }


def test_a_layer_is_in_a_manifest_what_it_was():
    layer = Layer("static", "ab" * 32, 7)
    assert Layer.from_json(layer.to_json()) == layer
    assert layer.to_json() == {"kind": "static", "sha256": "ab" * 32, "size": 7}
