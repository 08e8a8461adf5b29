import tomllib
from configparser import ConfigParser

from tests import ROOT


def test_the_checkout_names_the_same_worker_type_as_its_project_file() -> None:
    declared = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["entry-points"]
    found = ConfigParser()
    found.read(ROOT / "djangozoom.dist-info" / "entry_points.txt")
    assert declared == {name: dict(found[name]) for name in found.sections()}
