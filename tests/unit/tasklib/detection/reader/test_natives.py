"""What names of other packages stand for."""

import posixpath
from pathlib import PurePosixPath

import pytest

from dz.tasklib.detection.reader import natives
from dz.tasklib.detection.reader.values import UNKNOWN, EnvironPath, Native


@pytest.mark.parametrize(
    ("full", "name"),
    [
        ("os.environ", "os.environ"),
        ("environ.Env", "Env"),
        ("environs.Env", "Env"),
        ("decouple.config", "config"),
        ("configurations.values.SecretValue", "values.SecretValue"),
    ],
)
def test_a_name_is_imitated(full: str, name: str) -> None:
    found = natives.imported(full)
    assert isinstance(found, Native)
    assert found.name == name


def test_paths_are_calculated_without_a_file_system() -> None:
    assert natives.imported("pathlib.Path") is PurePosixPath
    assert natives.imported("environ.Path") is EnvironPath
    assert natives.imported("os.path.join") is posixpath.join
    assert natives.attribute(Native("os.path"), "abspath") is posixpath.normpath


@pytest.mark.parametrize("full", ["subprocess.run", "os.system", "os.remove"])
def test_anything_else_is_unknown(full: str) -> None:
    module, _, name = full.partition(".")
    assert natives.imported(full) is UNKNOWN
    assert natives.attribute(Native(module), name) is UNKNOWN


def test_a_method_of_env_keeps_prefix_and_schemes() -> None:
    found = natives.attribute(Native("env", "SHOP_", {"DEBUG": (bool, False)}), "bool")
    assert (found.name, found.prefix, found.schemes) == ("env.bool", "SHOP_", {"DEBUG": (bool, False)})


def test_the_machine_is_a_linux_server() -> None:
    assert natives.attribute(Native("sys"), "platform") == "linux"
    assert natives.attribute(Native("os"), "name") == "posix"
