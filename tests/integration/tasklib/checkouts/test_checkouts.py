import datetime as dt
import os
import socket
import subprocess
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from dz.adapters.git import Git
from dz.errors import InvalidRef, InvalidRepoUrl, RefNotFound, RepoTooLarge, RepoUnreachable
from dz.tasklib.checkouts import checkouts
from tests.conftest import free_port
from tests.integration.repositories import IDENTITY, commit, git

SYSID = "p00000001"


@pytest.fixture
def check_out(served, tmp_path):
    def call(url, ref=None, *, max_mb=10, max_files=100, timeout=20, hosts=()):
        adapter = Git([served[1], *hosts], timeout=timeout)
        return checkouts.check_out(
            url, ref, sysid=SYSID, folder=tmp_path / "checkouts", git=adapter, max_mb=max_mb, max_files=max_files
        )

    return call


def test_the_default_branch_is_checked_out_without_git_folder(repository, check_out, tmp_path):
    folder, url = repository
    head = commit(folder, "Say hello\n\nand more", a="hello")
    found = check_out(url)
    path, date = (
        tmp_path / "checkouts" / SYSID / head,
        dt.datetime.fromisoformat(git(folder, "log", "-1", "--format=%cI")),
    )
    assert found == checkouts.Checkout(path, url, None, head, "Say hello", SYSID, (), date=date)
    assert found.date.tzinfo is dt.UTC
    assert [path.name for path in found.path.iterdir()] == ["a"]
    assert (found.path / "a").read_text() == "hello"


def test_branch_tag_and_full_commit_are_found_and_a_branch_wins(repository, check_out):
    folder, url = repository
    first = commit(folder, a="1")
    git(folder, "tag", "v1")
    git(folder, "tag", "-a", "-m", "annotated", "v1a")
    git(folder, "tag", "both")
    git(folder, "checkout", "-q", "-b", "feature/both")
    git(folder, "branch", "both")
    second = commit(folder, a="2")
    git(folder, "branch", "-f", "both")
    found = {ref: check_out(url, ref).commit for ref in ("main", "v1", "v1a", first, "feature/both", "both")}
    assert found == {"main": first, "v1": first, "v1a": first, first: first, "feature/both": second, "both": second}


def test_a_moved_branch_gives_the_new_commit_and_prune_keeps_what_is_named(repository, check_out, tmp_path):
    folder, url = repository
    first = check_out(url) if commit(folder, a="1") else None
    commit(folder, a="2")
    git(folder, "commit", "-q", "--amend", "-m", "Rewritten")
    second = check_out(url)
    assert (second.path / "a").read_text() == "2"
    assert first.path.is_dir()
    checkouts.prune(tmp_path / "checkouts", SYSID, {second.commit})
    assert not first.path.exists()
    assert second.path.is_dir()


def test_a_wrong_ref_lists_near_branches(repository, check_out):
    folder, url = repository
    commit(folder, a="1")
    git(folder, "branch", "release-2")
    with pytest.raises(RefNotFound, match="release-2"):
        check_out(url, "release-3")
    with pytest.raises(RefNotFound):
        check_out(url, "0" * 39 + "1")
    with pytest.raises(InvalidRef):
        check_out(url, "--upload-pack=touch x")


def test_an_empty_repository_and_a_missing_one_are_told_apart(repository, check_out, served):
    with pytest.raises(RefNotFound, match="empty"):
        check_out(repository[1])
    with pytest.raises(RepoUnreachable, match="nowhere"):
        check_out(f"{served[1]}/nowhere")


def test_a_port_where_nobody_listens_is_unreachable(check_out):
    address = f"git://127.0.0.1:{free_port()}"
    with pytest.raises(RepoUnreachable, match="refused"):
        check_out(f"{address}/x", hosts=[address])


@pytest.mark.parametrize("scheme", ["git", "http"])
def test_a_silent_server_is_given_up(check_out, scheme):
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        address = f"{scheme}://127.0.0.1:{silent.getsockname()[1]}"
        started = time.monotonic()
        with pytest.raises(RepoUnreachable, match="within 1 second"):
            check_out(f"{address}/x", hosts=[address], timeout=1)
    assert time.monotonic() - started < 5


@pytest.mark.parametrize(
    ("answer", "told"),
    [
        ("401 Unauthorized\r\nWWW-Authenticate: Basic realm=x", "password"),
        ("302 Found\r\nLocation: http://127.0.0.1:{other}/x", "redirect|302"),
    ],
)
def test_passwords_are_not_asked_for_and_redirects_not_followed(check_out, answer, told):
    with socket.socket() as server, socket.socket() as other, ThreadPoolExecutor(1) as pool:
        for listener in (server, other):
            listener.bind(("127.0.0.1", 0))
            listener.listen()
        address = f"http://127.0.0.1:{server.getsockname()[1]}"
        pool.submit(_answer, server, answer.replace("{other}", str(other.getsockname()[1])))
        with pytest.raises(RepoUnreachable, match=told):
            check_out(f"{address}/x", hosts=[address], timeout=5)
        other.settimeout(0.1)
        with pytest.raises(TimeoutError):
            other.accept()


def _answer(server, answer):
    connection, _ = server.accept()
    with connection:
        connection.recv(65536)
        connection.sendall(f"HTTP/1.1 {answer}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n".encode())


def test_a_changed_source_url_replaces_the_checkout(repository, check_out, served):
    folder, url = repository
    commit(folder, a="one")
    old = check_out(url)
    other = served[0] / "changed-url-target"
    other.mkdir()
    git(other, "init", "-q", "-b", "main")
    commit(other, b="two")
    new = check_out(f"{served[1]}/{other.name}")
    assert (new.path / "b").read_text() == "two"
    assert not old.path.exists()


def test_hooks_fsmonitor_filters_and_embedded_repositories_run_nothing(repository, check_out, tmp_path):
    folder, url = repository
    canary = tmp_path / "canary"
    script = f"#!/bin/sh\ntouch {canary}\n"
    bare = folder / "embedded"
    (bare / "objects").mkdir(parents=True)
    (bare / "refs").mkdir()
    (bare / "objects" / "x").write_text("")
    (bare / "refs" / "x").write_text("")
    (bare / "HEAD").write_text("ref: refs/heads/main\n")
    (bare / "config").write_text(f"[core]\n\tbare = true\n\tfsmonitor = {folder}/hook\n")
    (bare / "hooks").mkdir()
    for hook in ("post-checkout", "post-index-change", "fsmonitor-watchman"):
        (bare / "hooks" / hook).write_text(script)
        (bare / "hooks" / hook).chmod(0o755)
    (folder / ".gitattributes").write_text("* filter=evil diff=evil export-ignore\n")
    commit(folder, a="1")
    found = check_out(url)
    assert (found.path / "a").read_text() == "1"
    mirror = tmp_path / "checkouts" / SYSID / "mirror.git"
    assert not (mirror / "hooks").exists()
    assert not canary.exists()


def test_submodules_and_lfs_content_are_not_fetched_but_told(repository, check_out, tmp_path):
    folder, url = repository
    secret = tmp_path / "secret"
    secret.mkdir()
    git(secret, "init", "-q")
    inner = commit(secret, private="x")
    (folder / ".gitmodules").write_text(f'[submodule "sub"]\n\tpath = sub\n\turl = file://{secret}\n')
    (folder / "big.bin").write_text(f"version https://git-lfs.github.com/spec/v1\noid sha256:{'0' * 64}\nsize 12345\n")
    git(folder, "update-index", "--add", "--cacheinfo", f"160000,{inner},sub")
    git(folder, "add", ".gitmodules", "big.bin")
    git(folder, "commit", "-q", "-m", "With a submodule")
    found = check_out(url)
    assert list((found.path / "sub").iterdir()) == []
    assert [("sub" in text, "big.bin" in text) for text in found.warnings] == [(True, False), (False, True)]


def test_links_that_stay_inside_are_kept_and_others_become_files(repository, check_out):
    folder, url = repository
    (folder / "d").mkdir()
    (folder / "d" / "x").write_text("x")
    (folder / "good").symlink_to("d/x")
    (folder / "d" / "up").symlink_to("../d")
    (folder / "passwd").symlink_to("/etc/passwd")
    (folder / "out").symlink_to("../../canary")
    commit(folder)
    found = check_out(url)
    assert (found.path / "good").readlink() == Path("d/x")
    assert (found.path / "d" / "up").readlink() == Path("../d")
    assert (found.path / "passwd").read_text() == "/etc/passwd"
    assert not (found.path / "out").is_symlink()
    assert "out, passwd" in found.warnings[0]
    assert check_out(url) == found


def test_too_many_files_and_too_many_bytes_are_refused_before_writing(repository, check_out, tmp_path):
    folder, url = repository
    commit(folder, **{f"f{n}": "x" for n in range(12)})
    with pytest.raises(RepoTooLarge, match="10 files"):
        check_out(url, max_files=10)
    (folder / "zeros").write_bytes(bytes(3 * 1024**2))
    commit(folder)
    with pytest.raises(RepoTooLarge, match="1 MB of files"):
        check_out(url, max_mb=1)
    (folder / "noise").write_bytes(os.urandom(3 * 1024**2))
    commit(folder)
    with pytest.raises(RepoTooLarge, match="larger than 1 MB"):
        check_out(url, max_mb=1)
    home = tmp_path / "checkouts" / SYSID
    assert sorted(path.name for path in home.iterdir()) == [".lock", "mirror.git", "source.json"]
    assert not list((home / "mirror.git" / "objects" / "pack").glob("tmp_*"))


def test_folders_deeper_than_a_bundle_may_hold_are_refused_before_writing(repository, check_out, tmp_path):
    folder, url = repository
    place = folder / "/".join(["d"] * 300)
    place.mkdir(parents=True)
    (place / "file").write_text("x")
    commit(folder)
    with pytest.raises(RepoTooLarge, match="more than 255 deep: d/d/d"):
        check_out(url, max_files=1000)
    assert not [path for path in (tmp_path / "checkouts" / SYSID).iterdir() if path.name.startswith(".part")]


def test_what_a_killed_checkout_left_goes_whatever_it_is(repository, check_out, tmp_path):
    folder, url = repository
    commit(folder, a="x")
    found = check_out(url)
    home = found.path.parent
    left = home / ".part-deep"
    left.mkdir()
    here = os.open(left, os.O_RDONLY)
    for _ in range(1500):
        os.mkdir("d", dir_fd=here)
        below = os.open("d", os.O_RDONLY, dir_fd=here)
        os.close(here)
        here = below
    os.close(here)
    assert check_out(url) == found
    assert not left.exists()


def test_a_git_bomb_is_refused_quickly(repository, check_out):
    folder, url = repository
    blob = subprocess.run(
        ["git", "hash-object", "-w", "--stdin"], cwd=folder, env=IDENTITY, input=b"x", capture_output=True, check=True
    )
    kind, name = "blob", blob.stdout.decode().strip()
    for _ in range(10):
        mode = "100644" if kind == "blob" else "040000"
        lines = "".join(f"{mode} {kind} {name}\tf{n}\n" for n in range(10))
        made = subprocess.run(
            ["git", "mktree"], cwd=folder, env=IDENTITY, input=lines.encode(), capture_output=True, check=True
        )
        kind, name = "tree", made.stdout.decode().strip()
    git(folder, "update-ref", "refs/heads/main", git(folder, "commit-tree", name, "-m", "Bomb"))
    started = time.monotonic()
    with pytest.raises(RepoTooLarge):
        check_out(url, max_files=50_000)
    assert time.monotonic() - started < 10


def test_a_local_path_starts_no_process(check_out, repository):
    folder, _ = repository
    for url in (str(folder), f"file://{folder}", f"ext::sh -c 'touch {folder}/canary'"):
        with pytest.raises(InvalidRepoUrl):
            check_out(url)
    assert not (folder / "canary").exists()


def test_concurrent_calls_and_what_a_killed_one_left_do_no_harm(repository, check_out, tmp_path):
    folder, url = repository
    head = commit(folder, a="1")
    rest = tmp_path / "checkouts" / SYSID / f".part-{head}"
    rest.mkdir(parents=True)
    (rest / "half").write_text("")
    (rest.parent / f".part-{head}.index").write_text("")
    with ThreadPoolExecutor(3) as pool:
        found = list(pool.map(lambda _: check_out(url), range(3)))
    assert {checkout.commit for checkout in found} == {head}
    assert [path.name for path in found[0].path.iterdir()] == ["a"]


@pytest.mark.skipif(os.geteuid() != 0, reason="only root meets repositories of other users")
def test_a_mirror_of_another_user_is_read_all_the_same(repository, check_out, tmp_path):
    folder, url = repository
    commit(folder, a="1")
    check_out(url)
    mirror = tmp_path / "checkouts" / SYSID / "mirror.git"
    for path in (mirror, *mirror.rglob("*")):
        os.chown(path, 12345, 12345)
    commit(folder, a="2")
    assert (check_out(url).path / "a").read_text() == "2"
