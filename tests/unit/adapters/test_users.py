import os
import pwd

import pytest

from dz.adapters import users


@pytest.mark.skipif(os.geteuid() != 0, reason="only root gives files away")
def test_a_tree_is_given_without_what_is_another_users_or_behind_a_link(tmp_path):
    nobody, other = pwd.getpwnam("nobody"), pwd.getpwnam("daemon")
    tree, outside = tmp_path / "tree", tmp_path / "outside"
    (tree / "folder").mkdir(parents=True)
    for path in (tree / "folder" / "ours", tree / "others", outside):
        path.write_text("")
    os.chown(tree / "others", other.pw_uid, other.pw_gid)
    (tree / "link").symlink_to(outside)

    users.give_tree(tree, "nobody")

    given = (tree, tree / "folder", tree / "folder" / "ours", tree / "link")
    assert {(path.lstat().st_uid, path.lstat().st_gid) for path in given} == {(nobody.pw_uid, nobody.pw_gid)}
    assert (tree / "others").stat().st_uid == other.pw_uid
    assert outside.stat().st_uid == 0


def test_without_a_user_a_tree_stays_as_it_is(tmp_path):
    users.give_tree(tmp_path, None)
    assert tmp_path.stat().st_uid == os.geteuid()
