from pathlib import Path

import pytest

from dz.cli import deploy, main
from dz.errors import InvalidConfig

pytestmark = pytest.mark.usefixtures("nobody_answers")


def test_a_reserved_variable_is_refused_before_anything_is_asked_of_zoomdb(capsys) -> None:
    assert main.run(["deploy", "polls", "--set", "LD_PRELOAD=x"]) == 1
    assert "Error: InvalidName" in capsys.readouterr().err


def test_a_config_that_is_not_there_is_named(tmp_path: Path, capsys) -> None:
    assert main.run(["deploy", "polls", "--config", str(tmp_path / "none.cfg")]) == 1
    assert f"{tmp_path}/none.cfg cannot be read" in capsys.readouterr().err


def test_a_config_is_a_text_of_fair_size(tmp_path: Path) -> None:
    path = tmp_path / "zoombuild.cfg"
    path.write_text("[project]\ntitle = é\n")
    assert deploy.read_config(path) == "[project]\ntitle = é\n"
    path.write_bytes(b"#" * (deploy.CONFIG_BYTES + 1))
    with pytest.raises(InvalidConfig, match="is larger than 65536 bytes"):
        deploy.read_config(path)
    path.write_bytes(b"\xff")
    with pytest.raises(InvalidConfig, match="cannot be read as a text in UTF-8"):
        deploy.read_config(path)
