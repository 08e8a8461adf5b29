from pathlib import Path

import pytest
from cryptography.fernet import Fernet
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dz.errors import StackProblem
from dz.zoomdb.encryption import Encryption, create_key_file

OWNERS = st.from_regex(r"p[0-9]{8}/[A-Za-z_]{1,20}", fullmatch=True)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(text=st.text(), owner=OWNERS, other=OWNERS)
def test_a_secret_comes_back_for_its_owner_alone(key_file: Path, text: str, owner: str, other: str) -> None:
    encryption = Encryption(key_file)
    token = encryption.encrypt(text, owner)
    assert encryption.decrypt(token, owner) == text
    if other != owner:
        with pytest.raises(StackProblem, match=f"A secret of {other} cannot be decrypted"):
            encryption.decrypt(token, other)


def test_equal_secrets_do_not_look_equal(key_file: Path) -> None:
    encryption = Encryption(key_file)
    assert encryption.encrypt("x", "p00000001/A") != encryption.encrypt("x", "p00000001/A")


def test_a_changed_token_and_one_of_another_key_are_refused(key_file: Path, tmp_path: Path) -> None:
    encryption = Encryption(key_file)
    token = encryption.encrypt("x", "p00000001/A")
    create_key_file(tmp_path / "other")
    for broken in (token[:-5] + b"AAAAA", b"", Encryption(tmp_path / "other").encrypt("x", "p00000001/A")):
        with pytest.raises(StackProblem):
            encryption.decrypt(broken, "p00000001/A")


def test_after_a_rotation_old_secrets_are_read_and_new_ones_use_the_new_key(key_file: Path) -> None:
    old = Encryption(key_file).encrypt("x", "p00000001/A")
    new = Fernet.generate_key().decode()
    key_file.write_text(f"{new}\n{key_file.read_text()}")
    rotated = Encryption(key_file)
    assert rotated.decrypt(old, "p00000001/A") == "x"
    key_file.write_text(new)
    assert Encryption(key_file).decrypt(rotated.encrypt("y", "p00000001/A"), "p00000001/A") == "y"
    with pytest.raises(StackProblem):
        Encryption(key_file).decrypt(old, "p00000001/A")


@pytest.mark.parametrize("content", [None, "", "no key"])
def test_a_key_file_that_is_missing_or_damaged_is_named(tmp_path: Path, content: str | None) -> None:
    path = tmp_path / "key"
    if content is not None:
        path.write_text(content)
    with pytest.raises(StackProblem, match=f"The key file {path}"):
        Encryption(path)


def test_a_key_file_is_made_once_and_closed_to_others(tmp_path: Path) -> None:
    path = tmp_path / "keys" / "zoomdb.key"
    create_key_file(path)
    before = path.read_text()
    create_key_file(path)
    assert path.read_text() == before
    assert (path.stat().st_mode & 0o777, path.parent.stat().st_mode & 0o777) == (0o600, 0o700)
    assert list(path.parent.iterdir()) == [path]
