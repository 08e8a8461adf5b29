import io
import tarfile

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dz.adapters.tar_format import FILE, FOLDER, LINK, Member, Reader, end, header, padding
from dz.errors import BundleRefused

LIMIT = 10_000_000


def read(raw, limit=LIMIT):
    reader = Reader(io.BytesIO(raw), limit)
    return [(member, b"".join(reader.content(member.size)) if member.kind == FILE else b"") for member in reader]


def written(*members):
    raw = b"".join(header(member) + content + padding(len(content)) for member, content in members)
    return raw + end(len(raw))


def file(name, content=b"", **more):
    return Member(FILE, name, size=len(content), **more), content


def changed(block, at, new):
    """Put `new` into a header, with the checksum of what it then is."""
    raw = bytearray(block)
    raw[at : at + len(new)] = new
    raw[148:156] = b" " * 8
    raw[148:156] = b"%06o\0 " % sum(raw)
    return bytes(raw)


NAMES = st.binary(min_size=1, max_size=300).map(lambda name: name.replace(b"\0", b"0").replace(b"/", b"1"))
MEMBERS = st.one_of(
    st.tuples(NAMES, st.binary(max_size=2000), st.booleans()).map(lambda v: file(v[0], v[1], executable=v[2])),
    NAMES.map(lambda name: (Member(FOLDER, name), b"")),
    st.tuples(NAMES, NAMES).map(lambda v: (Member(LINK, v[0], v[1]), b"")),
)


@settings(max_examples=60, deadline=None)
@given(members=st.lists(MEMBERS, max_size=5))
def test_every_member_comes_back_as_it_was_written(members):
    found = read(written(*members))
    assert [(m.kind, m.name, m.link, m.size, content) for m, content in found] == [
        (m.kind, m.name, m.link, m.size, content) for m, content in members
    ]
    assert [m.executable for m, _ in found if m.kind == FILE] == [m.executable for m, _ in members if m.kind == FILE]


@settings(max_examples=60, deadline=None)
@given(members=st.lists(MEMBERS, max_size=4))
def test_the_bytes_are_those_of_another_writer_of_the_format(members):
    raw = io.BytesIO()
    with tarfile.open(fileobj=raw, mode="w", format=tarfile.GNU_FORMAT, encoding="utf-8") as tar:
        for member, content in members:
            info = tarfile.TarInfo(member.name.decode("utf-8", "surrogateescape"))
            info.type, info.size = member.kind, member.size
            info.linkname = member.link.decode("utf-8", "surrogateescape")
            info.mode = {FOLDER: 0o755, LINK: 0o777}.get(member.kind, 0o755 if member.executable else 0o644)
            tar.addfile(info, io.BytesIO(content))
    assert written(*members) == raw.getvalue()


@settings(max_examples=100, deadline=None)
@given(data=st.data())
def test_an_archive_that_is_cut_off_anywhere_is_refused(data):
    raw = written(file(b"a", b"x" * 600), (Member(LINK, b"l" * 120, b"a" * 130), b""), file(b"b"))
    whole = len(raw.rstrip(b"\0")) // 512 * 512 + 1024
    with pytest.raises(BundleRefused):
        read(raw[: data.draw(st.integers(0, whole - 1))])


@pytest.mark.parametrize("at", range(512))
def test_one_changed_byte_of_a_header_is_refused(at):
    raw = bytearray(written(file(b"name", b"x" * 700)))
    raw[at] ^= 1
    with pytest.raises(BundleRefused):
        read(bytes(raw))


@pytest.mark.parametrize(
    ("field", "number"),
    [
        (124, b"\x80" + bytes(10) + b"\1"),
        (124, b"\xff" * 12),
        (124, b"-0000000001\0"),
        (124, b"+0000000001\0"),
        (124, b"0000_000001\0"),
        (124, b"0o000000001\0"),
        (124, b"          1\0"),
        (124, b"00000000008\0"),
        (124, b"000000000001"),
        (124, bytes(12)),
        (100, b"\x80" + bytes(7)),
        (100, b"0000 44\0"),
    ],
)
def test_a_number_in_another_writing_is_refused(field, number):
    with pytest.raises(BundleRefused):
        read(changed(header(Member(FILE, b"a")), field, number) + bytes(1024))


@pytest.mark.parametrize(
    ("at", "new"),
    [(0, b"a\0b"), (157, b"l\0m"), (257, b"ustar\x0000"), (257, bytes(8)), (345, b"prefix"), (156, b"\0"), (156, b"x")],
)
def test_a_header_that_others_write_is_refused(at, new):
    block = header(Member(FILE, b"a"))
    assert read(changed(block, 0, b"b") + bytes(1024))
    with pytest.raises(BundleRefused):
        read(changed(block, at, new) + bytes(1024))


def test_only_a_folder_loses_one_slash_at_the_end():
    assert read(changed(header(Member(FOLDER, b"a")), 0, b"a\0") + bytes(1024))[0][0].name == b"a"
    assert read(header(Member(FOLDER, b"a/")) + bytes(1024))[0][0].name == b"a/"
    assert read(header(Member(FILE, b"a/")) + bytes(1024))[0][0].name == b"a/"


@pytest.mark.parametrize("kind", [FOLDER, LINK])
def test_only_a_file_has_content(kind):
    with pytest.raises(BundleRefused, match="impossible size"):
        read(changed(header(Member(kind, b"a", b"b")), 124, b"00000000001\0") + bytes(2048))


def long_name(size, kind=b"L", name=b"x"):
    content = name * (size - 1) + b"\0"
    block = changed(header(Member(FILE, b"@", size=size)), 156, kind)
    return block + content + padding(size)


@pytest.mark.parametrize("raw", [
    long_name(101) + long_name(101) + header(Member(FILE, b"a")),
    long_name(101, b"K") + long_name(101, b"K") + header(Member(FILE, b"a")),
    long_name(8193) + header(Member(FILE, b"a")),
    long_name(0) + header(Member(FILE, b"a")),
    long_name(101, name=b"x\0")[:1024] + header(Member(FILE, b"a")),
    long_name(101),
])  # fmt: skip
def test_long_names_are_refused_if_twice_too_long_empty_or_of_nothing(raw):
    assert read(long_name(8192) + header(Member(FILE, b"a")) + bytes(1024))[0][0].name == b"x" * 8191
    with pytest.raises(BundleRefused):
        read(raw + bytes(1024))


def test_what_follows_the_end_is_refused():
    assert read(written(file(b"a")) + bytes(5000))
    with pytest.raises(BundleRefused, match="after its end"):
        read(written(file(b"a")) + bytes(5000) + b"x")


def test_the_limit_counts_every_byte():
    raw = written(file(b"a", b"x" * 5000))
    assert read(raw, len(raw))
    with pytest.raises(BundleRefused, match=f"more than {len(raw) - 1} bytes"):
        read(raw, len(raw) - 1)


def test_a_file_too_large_for_the_format_is_refused():
    assert header(Member(FILE, b"a", size=8**11 - 1))
    with pytest.raises(BundleRefused, match="8589934592 bytes"):
        header(Member(FILE, b"a", size=8**11))


class Trickle(io.BytesIO):
    def read(self, size=-1, /):
        return super().read(min(size, 100))


def test_a_source_that_gives_little_at_a_time_is_read_whole():
    content = bytes(range(256)) * 3000
    reader = Reader(Trickle(written(file(b"a", content), file(b"b", b"y"))), LIMIT)
    assert [b"".join(reader.content(member.size)) for member in reader] == [content, b"y"]
