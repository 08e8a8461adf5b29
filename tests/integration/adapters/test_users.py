import os
import pwd

import pytest

from dz.adapters import users
from dz.errors import CommandFailed

as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root makes users")


@as_root
def test_a_user_is_made_once_and_has_neither_a_login_nor_a_home(user):
    uid, gid = users.ensure_user(user)
    assert users.ensure_user(user) == (uid, gid)
    entry = pwd.getpwnam(user)
    assert (entry.pw_uid, entry.pw_gid) == (uid, gid)
    assert (entry.pw_shell, entry.pw_dir) == ("/usr/sbin/nologin", "/nonexistent")
    assert uid != 0


@as_root
@pytest.mark.parametrize("name", ["", "-x", "Root", "a b", "x" * 40, "a\nb", "../x"])
def test_a_name_that_useradd_could_misread_is_refused(name):
    with pytest.raises(CommandFailed, match="cannot be a Unix user"):
        users.ensure_user(name)


@as_root
def test_root_is_nobodys_project():
    with pytest.raises(CommandFailed, match="The Unix user root is root"):
        users.ensure_user("root")


@pytest.mark.skipif(os.geteuid() == 0, reason="root makes users")
def test_without_root_everything_belongs_to_this_processs_user():
    assert users.ensure_user("anything") == (os.geteuid(), os.getegid())


def test_a_folder_of_ones_own_may_be_asked_for_twice(tmp_path):
    user = "nobody" if os.geteuid() == 0 else None
    for _ in range(2):
        folder = users.owned(tmp_path / "home", user)
    assert folder.stat().st_uid == (pwd.getpwnam("nobody").pw_uid if user else os.geteuid())
    assert folder.stat().st_mode & 0o777 == 0o755


@as_root
def test_a_link_in_the_place_of_the_folder_gives_nothing_else_away(tmp_path):
    (tmp_path / "of root").mkdir()
    (tmp_path / "home").symlink_to(tmp_path / "of root")
    users.owned(tmp_path / "home", "nobody")
    assert (tmp_path / "of root").stat().st_uid == 0
