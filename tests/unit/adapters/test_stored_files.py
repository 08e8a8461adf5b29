import hashlib
import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dz.adapters import stored_files
from dz.adapters.archive import Layer
from dz.errors import BundleRefused, ChecksumMismatch

CONTENT = b"of a layer" * 100


def layer(content: bytes = CONTENT) -> Layer:
    return Layer("code", hashlib.sha256(content).hexdigest(), len(content))


def test_keys_tell_layers_by_content_and_manifests_by_name() -> None:
    assert stored_files.layer_key("ab" * 32) == f"layers/{'ab' * 32}.tar.zst"
    assert stored_files.manifest_key("p00000001", "bundle_x") == "bundles/p00000001/bundle_x.json"


@pytest.mark.parametrize(
    ("sysid", "name"), [("p00000001", "../x"), ("..", "x"), ("p1", "x"), ("p00000001", ""), ("p00000001", "x\n")]
)
def test_no_name_leads_out_of_the_store(sysid: str, name: str) -> None:
    with pytest.raises(BundleRefused, match="cannot be the key of a layer or manifest"):
        stored_files.manifest_key(sysid, name)


@given(st.text(max_size=40))
def test_a_key_that_is_accepted_has_no_way_up(text: str) -> None:
    try:
        key = stored_files.manifest_key("p00000001", text)
    except BundleRefused:
        return
    assert Path(key).parts == ("bundles", "p00000001", f"{text}.json")
    assert not text.startswith(".")


@pytest.mark.parametrize("chunks", [[CONTENT[:-1]], [CONTENT, b"x"], [CONTENT[:-1] + b"x"], [], [b"y" * 10, CONTENT]])
def test_what_is_not_the_layer_leaves_no_file(tmp_path: Path, chunks: list[bytes]) -> None:
    (tmp_path / "a").write_text("old")
    with pytest.raises(ChecksumMismatch, match="from the store is not what was uploaded"):
        stored_files.write_verified(chunks, layer(), tmp_path / "a", "the store")
    assert [(path.name, path.read_text()) for path in tmp_path.iterdir()] == [("a", "old")]


def test_no_more_than_one_part_too_many_is_taken_of_a_layer(tmp_path: Path) -> None:
    taken = []

    def far_too_much():
        while len(taken) < 100:
            taken.append(1)
            yield CONTENT

    with pytest.raises(ChecksumMismatch):
        stored_files.write_verified(far_too_much(), layer(), tmp_path / "a", "the store")
    assert len(taken) == 2


def test_a_layer_appears_whole_in_a_folder_that_was_not_there(tmp_path: Path) -> None:
    target = tmp_path / "new" / "a"
    stored_files.write_verified([CONTENT[:300], CONTENT[300:]], layer(), target, "the store")
    assert target.read_bytes() == CONTENT
    assert list(target.parent.iterdir()) == [target]


def test_equal_manifests_are_stored_as_equal_bytes() -> None:
    one, two = {"b": 1, "a": ["ä"]}, {"a": ["ä"], "b": 1}
    assert stored_files.as_json(one) == stored_files.as_json(two)
    assert json.loads(stored_files.as_json(one)) == one
