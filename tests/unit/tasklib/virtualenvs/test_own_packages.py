"""Names that a repository itself defines."""

from pathlib import Path

import pytest
from packaging.requirements import Requirement

from dz.errors import InvalidRequirement
from dz.tasklib.virtualenvs.own_packages import OwnPackage, OwnPackages, dependencies
from tests.unit.tasklib.detection.projects import tree

FILES = {
    "pyproject.toml": '[tool.poetry]\nname = "Shop"\nversion = "1"\n',
    "libs/pricing/pyproject.toml": '[project]\nname = "Acme.Pricing"\nversion = "0.1.0"\ndependencies = ["six", "tax"]\n'
    '[project.optional-dependencies]\nfast = ["idna"]\n',
    "libs/tax/setup.cfg": "[metadata]\nname = tax\nversion = attr: tax.VERSION\n[options]\ninstall_requires =\n  six\n  # not\n",
    "libs/old/setup.py": "import setuptools as s\nNAME = 'old'\nNEEDS = ['tax>=1']\n"
    "s.setup(name=NAME, version=read(), install_requires=NEEDS)\n",
    "node_modules/six/setup.py": "setup(name='six')\n",
    "template/pyproject.toml": "<<<<<<< HEAD\n",
    "template/setup.cfg": "no section\n",
    "template/setup.py": "print 'python 2'\n",
}


def test_every_kind_of_file_that_names_a_package_is_read(tmp_path: Path) -> None:
    own = OwnPackages(tree(tmp_path, FILES), "")
    assert own.by_name == {
        "shop": (OwnPackage("shop", "", "1"),),
        "acme-pricing": (OwnPackage("acme-pricing", "libs/pricing", "0.1.0"),),
        "tax": (OwnPackage("tax", "libs/tax"),),
        "old": (OwnPackage("old", "libs/old"),),
    }
    assert own.in_folder("libs/old") == OwnPackage("old", "libs/old")
    assert own.in_folder("template") is None


def test_a_name_is_its_folder_in_the_version_that_it_has(tmp_path: Path) -> None:
    own = OwnPackages(tree(tmp_path, FILES), "")
    assert own.named(Requirement("acme_pricing>=0.1"), "r.txt:1") == OwnPackage("acme-pricing", "libs/pricing", "0.1.0")
    assert own.named(Requirement("tax==7"), "r.txt:1") == OwnPackage("tax", "libs/tax"), "computed when it is built"
    assert own.named(Requirement("six"), "r.txt:1") is None
    with pytest.raises(InvalidRequirement, match=r"r.txt:1 asks for acme-pricing==1.0.1, but .*0.1.0 in libs/pricing"):
        own.named(Requirement("acme-pricing==1.0.1"), "r.txt:1")


def test_of_two_folders_the_one_in_the_workspace_is_meant_and_without_one_it_is_asked(tmp_path: Path) -> None:
    files = {
        f"{folder}/pyproject.toml": '[project]\nname = "pricing"\n' for folder in ("attic/pricing", "libs/pricing")
    }
    own = OwnPackages(tree(tmp_path / "1", files), "apps/web")
    with pytest.raises(InvalidRequirement, match="in attic/pricing and libs/pricing") as caught:
        own.named(Requirement("pricing"), "r.txt:1")
    assert "-e ./attic/pricing" in caught.value.remedy
    workspace = {
        "pyproject.toml": '[tool.uv.workspace]\nmembers = ["libs/*", "apps/*"]\n',
        "apps/web/pyproject.toml": "",
    }
    own = OwnPackages(tree(tmp_path / "2", files | workspace), "apps/web/src")
    assert own.named(Requirement("pricing"), "r.txt:1") == OwnPackage("pricing", "libs/pricing")


def test_what_a_package_needs_is_read_where_it_is_written_out(tmp_path: Path) -> None:
    found = tree(tmp_path, FILES)
    assert [line for _, line in dependencies(found, "libs/pricing", ["fast"])] == ["six", "tax", "idna"]
    assert list(dependencies(found, "libs/tax", [])) == [("libs/tax/setup.cfg", "six")]
    assert list(dependencies(found, "libs/old", [])) == [("libs/old/setup.py", "tax>=1")]
    assert not list(dependencies(found, "template", []))
    poetic = {"libs/pay/pyproject.toml": "[tool.poetry.dependencies]\ntax = { path = '../tax', develop = true }\n"}
    found = tree(tmp_path, {**poetic, "libs/odd/pyproject.toml": "[project]\ndependencies = 3\n"})
    assert list(dependencies(found, "libs/pay", [])) == [("libs/pay/pyproject.toml", "-e ./../tax")]
    with pytest.raises(InvalidRequirement, match=r"libs/odd/pyproject\.toml has an unknown form"):
        list(dependencies(found, "libs/odd", []))
