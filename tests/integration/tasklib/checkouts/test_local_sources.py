import subprocess
from pathlib import Path

import pytest

from dz.errors import RepoUnreachable
from dz.tasklib.checkouts.local_sources import publish_path, refresh, refuse


def git(*words: str, cwd: Path) -> str:
    identity = ["-c", "user.name=Ann", "-c", "user.email=ann@example.org"]
    return subprocess.run(
        ["git", *identity, *words], cwd=cwd, check=True, capture_output=True, text=True
    ).stdout.strip()


def commits(bare: Path) -> list[str]:
    return git("-c", "safe.bareRepository=all", "log", "--format=%H", "main", cwd=bare).split()


def files(bare: Path) -> list[str]:
    return git("ls-tree", "-r", "--name-only", "main", cwd=bare).split()


@pytest.fixture
def site(tmp_path: Path) -> Path:
    folder = tmp_path / "My Site"
    folder.mkdir()
    (folder / "manage.py").write_text("print('hello')\n")
    return folder


def test_a_plain_folder_becomes_a_commit_that_git_can_clone(site: Path, tmp_path: Path) -> None:
    published = publish_path(site, tmp_path / "git")

    assert published == ("my-site", ())
    git("clone", "--quiet", str(tmp_path / "git/my-site.git"), "copy", cwd=tmp_path)
    assert (tmp_path / "copy/manage.py").read_text() == "print('hello')\n"


def test_a_new_commit_is_made_only_when_the_content_changed(site: Path, tmp_path: Path) -> None:
    bare = tmp_path / "git/my-site.git"
    publish_path(site, bare.parent)
    publish_path(site, bare.parent)
    assert len(commits(bare)) == 1

    (site / "manage.py").write_text("print('again')\n")
    (site / "new.py").write_text("")
    publish_path(site, bare.parent)

    assert len(commits(bare)) == 2
    assert files(bare) == ["manage.py", "new.py"]


def test_ignored_files_and_environments_are_left_out_and_named(site: Path, tmp_path: Path) -> None:
    (site / ".gitignore").write_text("secret.txt\n")
    (site / "secret.txt").write_text("x")
    (site / "venv").mkdir()
    (site / "venv/pyvenv.cfg").write_text("x")

    published = publish_path(site, tmp_path / "git")

    assert files(tmp_path / "git/my-site.git") == [".gitignore", "manage.py"]
    assert published.warnings == (f"Left out of the snapshot of {site}: venv/.",)


def test_the_folder_itself_is_left_as_it_was(site: Path, tmp_path: Path) -> None:
    publish_path(site, tmp_path / "git")
    assert [path.name for path in site.iterdir()] == ["manage.py"]


def test_a_repository_is_mirrored_at_its_head_and_changes_are_named(site: Path, tmp_path: Path) -> None:
    git("init", "--quiet", "-b", "trunk", cwd=site)
    git("add", ".", cwd=site)
    git("commit", "--quiet", "-m", "first", cwd=site)
    assert publish_path(site, tmp_path / "git").warnings == ()
    (site / "later.py").write_text("")

    published = publish_path(site, tmp_path / "git")

    assert "1 uncommitted changes" in published.warnings[0]
    assert commits(tmp_path / "git/my-site.git") == [git("rev-parse", "HEAD", cwd=site)]


def test_a_rewritten_branch_is_followed(site: Path, tmp_path: Path) -> None:
    git("init", "--quiet", cwd=site)
    git("add", ".", cwd=site)
    git("commit", "--quiet", "-m", "first", cwd=site)
    publish_path(site, tmp_path / "git")
    git("commit", "--quiet", "--amend", "-m", "better", cwd=site)

    publish_path(site, tmp_path / "git")

    assert commits(tmp_path / "git/my-site.git") == [git("rev-parse", "HEAD", cwd=site)]


def test_hooks_and_programs_of_the_repository_are_not_run(site: Path, tmp_path: Path) -> None:
    git("init", "--quiet", cwd=site)
    git("add", ".", cwd=site)
    git("commit", "--quiet", "-m", "first", cwd=site)
    trap = tmp_path / "trap"
    trap.write_text(f"#!/bin/sh\ntouch {tmp_path}/sprung\n")
    trap.chmod(0o755)
    git("config", "uploadpack.packObjectsHook", str(trap), cwd=site)

    publish_path(site, tmp_path / "git")

    assert not (tmp_path / "sprung").exists()


def test_two_folders_of_one_name_get_two_repositories(tmp_path: Path) -> None:
    for parent in ("a", "b"):
        (tmp_path / parent / "site").mkdir(parents=True)
        (tmp_path / parent / "site/file").write_text(parent)

    first = publish_path(tmp_path / "a/site", tmp_path / "git")
    second = publish_path(tmp_path / "b/site", tmp_path / "git")

    assert first.name == "site"
    assert second.name.startswith("site-")
    assert publish_path(tmp_path / "b/site", tmp_path / "git").name == second.name


def test_a_missing_folder_is_a_clear_error(tmp_path: Path) -> None:
    with pytest.raises(RepoUnreachable, match="nowhere does not exist"):
        publish_path(tmp_path / "nowhere", tmp_path / "git")


def test_a_repository_without_a_commit_is_a_clear_error(site: Path, tmp_path: Path) -> None:
    git("init", "--quiet", cwd=site)
    with pytest.raises(RepoUnreachable, match="has no commit yet"):
        publish_path(site, tmp_path / "git")


def test_a_url_of_the_local_git_server_takes_up_what_its_folder_holds_now(site: Path, tmp_path: Path) -> None:
    url = f"git://127.0.0.1:9418/{publish_path(site, tmp_path / 'git').name}.git"
    (site / "new.py").write_text("")
    assert refresh(url, tmp_path / "git") == ("my-site", ())
    assert files(tmp_path / "git/my-site.git") == ["manage.py", "new.py"]
    for other in (
        "https://github.com/a/my-site.git",
        "git://127.0.0.1:9418/none.git",
        "git://10.0.0.1:9418/my-site.git",
    ):
        assert refresh(other, tmp_path / "git") is None


def test_a_commit_in_the_folder_is_taken_up_and_what_is_not_committed_is_said(site: Path, tmp_path: Path) -> None:
    git("init", "--quiet", cwd=site)
    git("add", ".", cwd=site)
    git("commit", "--quiet", "-m", "one", cwd=site)
    url = f"git://127.0.0.1:9418/{publish_path(site, tmp_path / 'git').name}.git"
    (site / "manage.py").write_text("two")
    git("commit", "--quiet", "-am", "two", cwd=site)
    (site / "manage.py").write_text("three")
    taken = refresh(url, tmp_path / "git")
    assert commits(tmp_path / "git/my-site.git")[0] == git("rev-parse", "HEAD", cwd=site)
    assert taken
    assert taken.warnings == (f"1 uncommitted changes in {site} are not included; the last commit is deployed.",)


def test_a_folder_that_is_gone_is_said_and_what_it_last_held_stays(site: Path, tmp_path: Path) -> None:
    url = f"git://127.0.0.1:9418/{publish_path(site, tmp_path / 'git').name}.git"
    site.rename(tmp_path / "moved")
    taken = refresh(url, tmp_path / "git")
    assert taken
    assert taken.warnings == (f"The folder {site} is not there any more; what it last held is deployed.",)
    assert files(tmp_path / "git/my-site.git") == ["manage.py"]


def test_what_could_not_be_offered_is_refused_without_a_trace(site: Path, tmp_path: Path) -> None:
    refuse(site)
    with pytest.raises(RepoUnreachable, match=f"{tmp_path}/none does not exist"):
        refuse(tmp_path / "none")
    with pytest.raises(RepoUnreachable, match=r"manage\.py is no folder that can be read"):
        refuse(site / "manage.py")
    git("init", "--quiet", cwd=site)
    with pytest.raises(RepoUnreachable, match="has no commit yet"):
        refuse(site)
    assert not (tmp_path / "gitconfig").exists()
    assert {path.name for path in site.iterdir()} == {".git", "manage.py"}
