"""git on repositories of strangers, which a real git daemon serves."""

import json
import os
import shutil

import pytest

from dz.adapters.git import Entry, Git
from dz.errors import InvalidRef, InvalidRepoUrl, RefNotFound, RepoTooLarge, RepoUnreachable
from tests.integration.repositories import commit, git


@pytest.fixture
def adapter(served):
    return Git([served[1]], timeout=20)


@pytest.fixture
def mirror(adapter, tmp_path):
    adapter.create_mirror(tmp_path / "mirror.git")
    return tmp_path / "mirror.git"


def test_a_branch_a_tag_and_a_commit_are_fetched_without_history(repository, adapter, mirror):
    folder, url = repository
    first = commit(folder, a="1")
    git(folder, "tag", "v1")
    second = commit(folder, a="2")
    git(folder, "branch", "v1")  # a branch wins over a tag of the same name
    source = adapter.source(url)
    found = {ref: adapter.fetch(source, ref, mirror, max_mb=10) for ref in (None, "main", first, "v1")}
    assert found == {None: second, "main": second, first: first, "v1": second}
    assert git(mirror, "rev-list", "--count", second) == "1"


def test_a_ref_that_is_not_there_is_told_with_those_that_look_like_it(repository, adapter, mirror):
    folder, url = repository
    commit(folder, a="1")
    git(folder, "branch", "release-2")
    with pytest.raises(RefNotFound, match=r"no branch, tag or commit 'release-3'. It has, among others: release-2\."):
        adapter.fetch(adapter.source(url), "release-3", mirror, max_mb=10)
    with pytest.raises(InvalidRef):
        adapter.fetch(adapter.source(url), "--upload-pack=touch x", mirror, max_mb=10)


def test_a_pack_that_is_too_large_leaves_nothing_in_the_mirror(repository, adapter, mirror):
    folder, url = repository
    (folder / "noise").write_bytes(os.urandom(3 * 1024**2))
    commit(folder)
    with pytest.raises(RepoTooLarge, match="larger than 1 MB"):
        adapter.fetch(adapter.source(url), None, mirror, max_mb=1)
    assert not list((mirror / "objects" / "pack").glob("tmp_*"))
    assert adapter.fetch(adapter.source(url), None, mirror, max_mb=10)


def test_the_paths_of_a_commit_are_told_whatever_their_names(repository, adapter, mirror):
    folder, url = repository
    (folder / "d").mkdir()
    (folder / "d" / "a\tb\n").write_text("xyz")
    (folder / "run").write_text("")
    (folder / "run").chmod(0o755)
    (folder / "link").symlink_to("/etc/passwd")
    name = os.fsdecode(b"\xff")
    (folder / name).write_text("1")
    head = commit(folder)
    adapter.fetch(adapter.source(url), None, mirror, max_mb=10)
    assert set(adapter.tree(mirror, head)) == {
        Entry("040000", "d", 0),
        Entry("100644", "d/a\tb\n", 3),
        Entry("100755", "run", 0),
        Entry("120000", "link", 11),
        Entry("100644", name, 1),
    }


def test_files_are_written_and_links_become_files(repository, adapter, mirror, tmp_path):
    folder, url = repository
    (folder / "run").write_text("#!/bin/sh\n")
    (folder / "run").chmod(0o755)
    (folder / "link").symlink_to("/etc/passwd")
    head = commit(folder)
    adapter.fetch(adapter.source(url), None, mirror, max_mb=10)
    (tmp_path / "tree").mkdir()
    adapter.write_tree(mirror, head, tmp_path / "tree", max_mb=10)
    assert sorted(path.name for path in (tmp_path / "tree").iterdir()) == ["link", "run"]
    assert (tmp_path / "tree" / "link").read_text() == "/etc/passwd"
    assert not (tmp_path / "tree" / "link").is_symlink()
    assert os.access(tmp_path / "tree" / "run", os.X_OK)
    assert not (tmp_path / "tree.index").exists()


@pytest.mark.parametrize(
    ("message", "told"),
    [
        ("Say hello\n\nand more", "Say hello"),
        ("x" * 300, "x" * 200),
        ("red \x1b[31m alert\x07", "red [31m alert"),
    ],
)
def test_only_the_first_line_of_a_message_is_told_and_it_steers_no_terminal(repository, adapter, mirror, message, told):
    folder, url = repository
    head = commit(folder, message, a="1")
    adapter.fetch(adapter.source(url), None, mirror, max_mb=10)
    assert adapter.message(mirror, head) == told


def test_what_a_killed_creation_left_is_no_hindrance(adapter, tmp_path):
    (tmp_path / ".mirror.git.part").mkdir()
    (tmp_path / ".mirror.git.part" / "half").write_text("")
    adapter.create_mirror(tmp_path / "mirror.git")
    assert not (tmp_path / "mirror.git" / "half").exists()
    assert not (tmp_path / "mirror.git" / "hooks").exists()
    assert [path.name for path in tmp_path.iterdir()] == ["mirror.git"]


@pytest.fixture
def told(tmp_path):
    """A program in the place of git, and what it was told: each call's words and environment."""
    program, log = tmp_path / "git", tmp_path / "calls"
    code = (
        f"import json, os, sys\nopen({str(log)!r}, 'a').write(json.dumps([sys.argv[1:], dict(os.environ)]) + '\\n')\n"
    )
    program.write_text(f"#!{shutil.which('python3')}\n{code}sys.exit('fatal: no')\n")
    program.chmod(0o755)
    return program, lambda: [json.loads(line) for line in log.read_text().splitlines()]


def test_git_speaks_one_protocol_to_the_addresses_that_were_checked_and_to_no_other(told, tmp_path, monkeypatch):
    monkeypatch.setenv("GIT_SSH_COMMAND", "touch canary")
    program, calls = told
    adapter = Git(["github.com"], program=str(program), resolver=lambda host, port: ["140.82.121.3", "2606:50c0::153"])
    source = adapter.source("https://github.com/a/b")
    with pytest.raises(RepoUnreachable, match=r"git could not read https://github\.com/a/b: fatal: no"):
        adapter.fetch(source, None, tmp_path / "mirror.git", max_mb=1)
    words, environment = calls()[0]
    options = [words[n + 1] for n, word in enumerate(words) if word == "-c"]
    assert {"protocol.allow=never", "protocol.https.allow=always"} <= set(options)
    assert "http.curloptResolve=github.com:443:140.82.121.3,[2606:50c0::153]" in options
    assert [option for option in options if option.startswith("protocol.")][1:] == ["protocol.https.allow=always"]
    assert environment["GIT_ALLOW_PROTOCOL"] == "https"
    assert "GIT_SSH_COMMAND" not in environment
    assert words[words.index("--") + 1] == source.url


def test_a_source_that_is_not_on_the_list_starts_no_program(told, tmp_path):
    program, _ = told
    with pytest.raises(InvalidRepoUrl):
        Git(["github.com"], program=str(program)).source(f"file://{tmp_path}")
    assert not (tmp_path / "calls").exists()
