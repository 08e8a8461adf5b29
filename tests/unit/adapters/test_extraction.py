import io
import os
import tarfile
from pathlib import Path

import pytest
import zstandard
from hypothesis import given, settings
from hypothesis import strategies as st

from dz.adapters import extraction
from dz.adapters.archive import pack
from dz.adapters.extraction import extract, link_stays_inside
from dz.errors import BundleRefused


def member(name, kind=tarfile.REGTYPE, content=b"", link="", **more):
    info = tarfile.TarInfo(name)
    info.type, info.linkname, info.size = kind, link, len(content)
    for key, value in more.items():
        setattr(info, key, value)
    return info, content


def archive_of(path, *members, form=tarfile.GNU_FORMAT):
    raw = io.BytesIO()
    with tarfile.open(fileobj=raw, mode="w", format=form) as tar:
        for info, content in members:
            tar.addfile(info, io.BytesIO(content))
    path.write_bytes(zstandard.compress(raw.getvalue()))
    return path


def unpack(archive, target, *, max_bytes=10_000_000, max_members=1000):
    extract(archive, target, owner=None, max_bytes=max_bytes, max_members=max_members)


DIR, LINK, HARD = tarfile.DIRTYPE, tarfile.SYMTYPE, tarfile.LNKTYPE
HOSTILE = {
    "absolute path": [member("/tmp/canary", content=b"x")],
    "parent path": [member("../canary", content=b"x")],
    "parent in the middle": [member("a", DIR), member("a/../../canary", content=b"x")],
    "dot": [member("./a", content=b"x")],
    "double slash": [member("a", DIR), member("a//b", content=b"x")],
    "absolute link": [member("a", LINK, link="/etc/passwd")],
    "parent link": [member("a", LINK, link="../canary")],
    "empty link": [member("a", LINK, link="")],
    "link chain": [member("x", LINK, link="."), member("y", LINK, link="x/..")],
    "deep link chain": [member("d", DIR), member("d/e", LINK, link="../d/../..")],
    "file through a link": [member("d", DIR), member("l", LINK, link="d"), member("l/canary", content=b"x")],
    "file over a link": [member("a", LINK, link="b"), member("a", content=b"x")],
    "folder over a link": [member("d", DIR), member("a", LINK, link="d"), member("a", DIR)],
    "file twice": [member("a", content=b"x"), member("a", content=b"y")],
    "no folder": [member("a/b", content=b"x")],
    "hard link": [member("a", content=b"x"), member("b", HARD, link="a")],
    "hard link outside": [member("b", HARD, link="/etc/passwd")],
    "character device": [member("a", tarfile.CHRTYPE, devmajor=1, devminor=3)],
    "block device": [member("a", tarfile.BLKTYPE, devmajor=8)],
    "pipe": [member("a", tarfile.FIFOTYPE)],
    "contiguous file": [member("a", tarfile.CONTTYPE)],
    "sparse file": [member("a", tarfile.GNUTYPE_SPARSE)],
    "file with a slash": [member("a/", content=b"x")],
    "folder with two slashes": [member("a//", DIR)],
    "folder twice": [member("a", DIR), member("a/", DIR)],
    "file as a folder": [member("a", content=b"x"), member("a/b", content=b"x")],
    "a folder's other way": [member("d", DIR), member("d/a"), member("d/../d/b")],
    "root": [member("/", DIR)],
    "name too long": [member("a" * 256)],
    "too many folders": [member("/".join("d" * depth), DIR) for depth in range(1, 258)],
}


@pytest.mark.parametrize("case", HOSTILE)
def test_a_hostile_archive_is_refused_and_leaves_nothing(case, tmp_path):
    archive = archive_of(tmp_path / "a.tar.zst", *HOSTILE[case])
    folder = tmp_path / "in"
    with pytest.raises(BundleRefused):
        unpack(archive, folder / "target")
    assert [path.name for path in folder.iterdir()] == [".target.lock"]
    assert not (tmp_path / "canary").exists()


def test_pax_headers_are_refused(tmp_path):
    archive = archive_of(tmp_path / "a.tar.zst", member("ä" * 200, content=b"x"), form=tarfile.PAX_FORMAT)
    with pytest.raises(BundleRefused):
        unpack(archive, tmp_path / "target")


def test_a_negative_size_is_refused(tmp_path):
    info, _ = member("a")
    raw = bytearray(info.tobuf(tarfile.GNU_FORMAT))
    raw[124:136] = b"\xff" * 12
    raw[148:156] = b" " * 8
    raw[148:156] = b"%06o\0 " % sum(raw)
    (tmp_path / "a.tar.zst").write_bytes(zstandard.compress(bytes(raw) + bytes(1024)))
    with pytest.raises(BundleRefused):
        unpack(tmp_path / "a.tar.zst", tmp_path / "target")


def test_a_chain_of_long_names_is_refused(tmp_path):
    info, _ = member("././@LongLink", tarfile.GNUTYPE_LONGNAME, b"x" * 10)
    block = info.tobuf(tarfile.GNU_FORMAT) + b"x" * 10 + bytes(502)
    (tmp_path / "a.tar.zst").write_bytes(zstandard.compress(block * 3000))
    with pytest.raises(BundleRefused):
        unpack(tmp_path / "a.tar.zst", tmp_path / "target")


def test_a_bomb_is_stopped_before_it_is_written(tmp_path):
    size = 2 * 1024**3
    compressor = zstandard.ZstdCompressor(level=1).compressobj()
    with (tmp_path / "a.tar.zst").open("wb") as file:
        info = tarfile.TarInfo("zeros")
        info.size = size
        file.write(compressor.compress(info.tobuf(tarfile.GNU_FORMAT)))
        for _ in range(64):
            file.write(compressor.compress(bytes(1024**2)))
        file.write(compressor.flush())
    with pytest.raises(BundleRefused, match="more than 1000000 bytes"):
        unpack(tmp_path / "a.tar.zst", tmp_path / "target", max_bytes=1_000_000)
    assert not (tmp_path / "target").exists()


def test_folders_may_be_left_and_entered_again(tmp_path):
    folders = [member(name, DIR) for name in ("a", "b", "a/c", "b/c", "b/c/d")]
    files = [
        member(name, content=name.encode()) for name in ("b/c/x", "x", "a/c/x", "b/c/d/x", "b/x", "a/c/y", "b/c/y")
    ]
    unpack(archive_of(tmp_path / "a.tar.zst", *folders, *files), tmp_path / "target")
    found = {path for path in (tmp_path / "target").rglob("*") if path.is_file()}
    assert {str(path.relative_to(tmp_path / "target")) for path in found} == {info.name for info, _ in files}
    assert all(path.read_text() == str(path.relative_to(tmp_path / "target")) for path in found)


def test_the_files_of_a_small_archive_are_on_the_disk_before_the_target_appears(tmp_path, monkeypatch):
    archive = archive_of(
        tmp_path / "a.tar.zst", member("d", DIR), member("d/a", content=b"x"), member("l", LINK, link="d/a")
    )
    target, plain, seen = tmp_path / "in" / "target", os.fsync, []

    def fsync(handle):
        seen.append((Path(f"/proc/self/fd/{handle}").resolve(), target.exists()))
        if "a" in failing and seen[-1][0].name == "a":
            raise OSError(5, "no")
        plain(handle)

    monkeypatch.setattr(os, "fsync", fsync)
    failing = {"a"}
    with pytest.raises(OSError, match="no"):
        unpack(archive, target)
    assert [path.name for path in target.parent.iterdir()] == [".target.lock"]
    failing.clear()
    seen.clear()
    unpack(archive, target)
    (part,) = {path for path, _ in seen if path.name.endswith(".part")}
    assert part.parent == target.parent
    assert {path for path, there in seen if not there} == {part, part / "d", part / "d" / "a"}
    assert [path for path, there in seen if there] == [target.parent]


def test_the_target_appears_after_the_disk_holds_it_and_not_if_that_fails(tmp_path, monkeypatch):
    archive = archive_of(tmp_path / "a.tar.zst", member("d", DIR), member("d/a", content=b"x"))
    monkeypatch.setattr(extraction, "_FEW", 1)
    seen = []

    class Disk:
        answer = 0

        def syncfs(self, handle):
            part = Path(f"/proc/self/fd/{handle}").resolve()
            seen.append((part.name, (part / "d" / "a").read_bytes(), (tmp_path / "in" / "target").exists()))
            return self.answer

    monkeypatch.setattr(extraction, "_libc", Disk())
    Disk.answer = -1
    with pytest.raises(OSError):
        unpack(archive, tmp_path / "in" / "target")
    assert [path.name for path in (tmp_path / "in").iterdir()] == [".target.lock"]
    Disk.answer = 0
    unpack(archive, tmp_path / "in" / "target")
    assert [rest for _, *rest in seen] == [[b"x", False]] * 2
    assert all(name.startswith(".target.") for name, *_ in seen)
    assert (tmp_path / "in" / "target" / "d" / "a").read_bytes() == b"x"


def test_too_many_members_are_refused(tmp_path):
    archive = archive_of(tmp_path / "a.tar.zst", *[member(f"f{n}") for n in range(30)])
    with pytest.raises(BundleRefused, match="more than 20 files"):
        unpack(archive, tmp_path / "target", max_members=20)


@pytest.mark.parametrize("content", [b"", b"no archive", zstandard.compress(b"no tar" * 200)])
def test_something_that_is_no_archive_is_refused(content, tmp_path):
    (tmp_path / "a.tar.zst").write_bytes(content)
    with pytest.raises(BundleRefused):
        unpack(tmp_path / "a.tar.zst", tmp_path / "target")


def test_a_cut_archive_is_refused(tmp_path):
    (tmp_path / "f").mkdir()
    (tmp_path / "f" / "a").write_bytes(os.urandom(300_000))
    pack(tmp_path / "f", tmp_path / "a.tar.zst", kind="code")
    whole = (tmp_path / "a.tar.zst").read_bytes()
    (tmp_path / "a.tar.zst").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(BundleRefused):
        unpack(tmp_path / "a.tar.zst", tmp_path / "target")
    assert not (tmp_path / "target").exists()


def test_setuid_and_group_write_are_not_kept(tmp_path):
    archive = archive_of(tmp_path / "a.tar.zst", member("a", content=b"x", mode=0o6777), member("b", mode=0o666))
    unpack(archive, tmp_path / "target")
    assert (tmp_path / "target" / "a").stat().st_mode & 0o7777 == 0o755
    assert (tmp_path / "target" / "b").stat().st_mode & 0o7777 == 0o644


def test_an_existing_target_is_left_alone_and_a_killed_extraction_is_repeated(tmp_path):
    archive = archive_of(tmp_path / "a.tar.zst", member("a", content=b"new"))
    (tmp_path / ".target.1f.part").mkdir()
    (tmp_path / ".target.1f.part" / "rest").write_text("of a killed one")
    unpack(archive, tmp_path / "target")
    assert sorted(path.name for path in (tmp_path / "target").iterdir()) == ["a"]
    (tmp_path / "target" / "a").write_text("old")
    unpack(archive, tmp_path / "target")
    assert (tmp_path / "target" / "a").read_text() == "old"


@pytest.mark.skipif(os.geteuid() != 0, reason="only root gives files away")
def test_the_owner_gets_everything(tmp_path):
    archive = archive_of(
        tmp_path / "a.tar.zst", member("d", DIR), member("d/a", content=b"x"), member("l", LINK, link="d/a")
    )
    extract(archive, tmp_path / "target", owner=(12345, 12346), max_bytes=10**6, max_members=10)
    for path in (tmp_path / "target", *(tmp_path / "target").rglob("*")):
        assert (path.lstat().st_uid, path.lstat().st_gid) == (12345, 12346)


@settings(max_examples=60, deadline=None)
@given(links=st.dictionaries(
    st.sampled_from(["a", "b", "d/a", "d/b", "d/e/a"]), st.lists(st.sampled_from(["..", ".", "a", "b", "d", "e"]), min_size=1, max_size=5),
    max_size=5,
))  # fmt: skip
def test_no_set_of_accepted_links_leads_out(links, tmp_path_factory):
    root = tmp_path_factory.mktemp("links")
    (root / "d" / "e").mkdir(parents=True)
    for path, parts in links.items():
        if link_stays_inside(path, "/".join(parts)):
            (root / path).symlink_to("/".join(parts))
    for path in links:
        real = os.path.realpath(root / path)
        assert real == str(root) or real.startswith(f"{root}/")
