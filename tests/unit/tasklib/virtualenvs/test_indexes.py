"""Indexes that projects name: kept, and asked for just what they are named for."""

import json
import tomllib
from pathlib import Path

import pytest

from dz.errors import InvalidRequirement
from dz.tasklib.virtualenvs import requirements
from dz.tasklib.virtualenvs.indexes import Indexes, is_pypi
from tests.unit.tasklib.detection.projects import write
from tests.unit.tasklib.virtualenvs.collecting import collect

MINE, OTHER = "https://mine.example/simple", "https://other.example/simple"


@pytest.mark.parametrize(
    "url",
    ["https://pypi.org/simple", "https://pypi.python.org/simple/", "http://pypi.douban.com/simple", "https://pypi.tuna.tsinghua.edu.cn/simple"],
)  # fmt: skip
def test_pypi_under_any_name_is_the_operators_index(tmp_path: Path, url: str) -> None:
    found = collect(write(tmp_path, {"requirements.txt": f"-i {url}\ndjango\n"}))
    assert (found.indexes, found.warnings) == (Indexes(lenient=True), [])
    assert not is_pypi("https://test.pypi.org/simple")
    assert not is_pypi("https://[")


def test_options_of_pip_name_indexes_pages_and_folders(tmp_path: Path) -> None:
    text = (
        f"-i {MINE}/\n--extra-index-url={OTHER}\n--find-links ./wheels\n-f https://mine.example/page.html\n"
        f"-f wheels\n-i {MINE}\ndjango\n"
    )
    found = collect(write(tmp_path, {"requirements/base.txt": text, "wheels/x.whl": ""}), "requirements/base.txt")
    assert found.indexes == Indexes(
        instead=MINE, before=[OTHER], links=["wheels", "https://mine.example/page.html"], lenient=True
    )
    assert found.needs_checkout
    listing = requirements.write(found, tmp_path, source=Path("/copy"))
    assert listing.links == ("/copy/wheels", "https://mine.example/page.html")
    assert (listing.instead, listing.before, listing.lenient, listing.pins) == (MINE, (OTHER,), True, None)


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("-i http://mine.example/simple", "is not https"),
        ("--extra-index-url https://me:s3cret@mine.example/simple", "user name or password"),
        ("-f http://mine.example/", "is not https"),
        ("-f ../wheels", "not in the repository"),
        ("--find-links=/wheels", "not in the repository"),
    ],
)
def test_an_index_that_may_not_be_asked_is_refused(tmp_path: Path, line: str, reason: str) -> None:
    with pytest.raises(InvalidRequirement, match=reason) as caught:
        collect(write(tmp_path, {"requirements.txt": f"{line}\ndjango\n"}))
    assert "requirements.txt:1" in caught.value.found
    assert "s3cret" not in caught.value.found


UV = (
    '[project]\nname = "web"\ndependencies = ["django", "tax[a]>=1"]\n[tool.uv.sources]\ntax = { index = "mine" }\n'
    f'[[tool.uv.index]]\nname = "mine"\nurl = "{MINE}"\nexplicit = true\n'
)


def test_a_package_comes_from_the_index_that_its_source_names(tmp_path: Path) -> None:
    found = collect(write(tmp_path, {"pyproject.toml": UV}), "pyproject.toml")
    assert found.indexes == Indexes(pins={"tax": MINE})
    listing = requirements.write(found, tmp_path)
    assert listing.requirements.read_text() == "django\ntax[a]>=1\n"
    assert listing.pins is not None
    assert tomllib.loads(listing.pins.read_text()) == {
        "project": {"name": "pins", "version": "0", "dependencies": ["tax[a]>=1"]},
        "tool": {
            "uv": {
                "sources": {"tax": {"index": "index-0"}},
                "index": [{"name": "index-0", "url": MINE, "explicit": True}],
            }
        },
    }
    with pytest.raises(InvalidRequirement, match=r"tax\[a\]>=1 comes from the index 'mine', which no"):
        collect(write(tmp_path, {"pyproject.toml": UV.replace('name = "mine"', 'name = "m"')}), "pyproject.toml")


def test_a_packages_own_index_is_kept_where_the_project_needs_the_package(tmp_path: Path) -> None:
    web = '[project]\nname = "web"\ndependencies = ["lib"]\n[tool.uv.sources]\nlib = { path = "../lib" }\n'
    files = {"web/pyproject.toml": web, "lib/pyproject.toml": UV.replace('"web"', '"lib"')}
    found = collect(write(tmp_path, files), "web/pyproject.toml", project_root="web")
    assert (found.indexes.pins, found.lines) == ({"tax": MINE}, ["tax[a]>=1"])
    assert found.sourced == ["lib", "tax"]
    assert requirements.write(found, tmp_path, source=tmp_path).sourced == ("lib",)


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        (f'[[tool.uv.index]]\nurl = "{MINE}"\n[[tool.uv.index]]\nurl = "{OTHER}"\ndefault = true\n', Indexes(before=[MINE], instead=OTHER)),
        (f'[tool.uv]\nextra-index-url = ["{MINE}"]\nindex-url = "{OTHER}"\n', Indexes(before=[MINE], instead=OTHER)),
        (f'[[tool.uv.index]]\nurl = "wheels"\nformat = "flat"\n[tool.uv.pip]\nfind-links = ["{MINE}"]\n', Indexes(links=["wheels", MINE])),
        (f'[[tool.poetry.source]]\nname = "a"\nurl = "{MINE}"\npriority = "supplemental"\n', Indexes(before=[MINE])),
        (f'[[tool.poetry.source]]\nname = "a"\nurl = "{MINE}"\n', Indexes(instead=MINE)),
        (f'[[tool.poetry.source]]\nname = "a"\nurl = "{MINE}"\n[[tool.poetry.source]]\nname = "PyPI"\n', Indexes(before=[MINE])),
        (
            f'[[tool.poetry.source]]\nname = "a"\nurl = "{MINE}"\npriority = "explicit"\n[tool.poetry.dependencies.tax]\nsource = "a"\n',
            Indexes(pins={"tax": MINE}),
        ),
        (f'[[tool.pdm.source]]\nname = "pypi"\nurl = "{MINE}"\n[[tool.pdm.source]]\nname = "b"\nurl = "{OTHER}"\n', Indexes(before=[OTHER], instead=MINE)),
    ],
)  # fmt: skip
def test_what_pyproject_declares_for_all_packages_is_asked(tmp_path: Path, text: str, wanted: Indexes) -> None:
    root = write(tmp_path, {"pyproject.toml": '[project]\nname = "web"\n' + text, "wheels/a.whl": ""})
    assert collect(root, "pyproject.toml").indexes == wanted


@pytest.mark.parametrize(
    ("name", "text", "wanted"),
    [
        (
            "poetry.lock",
            f'[[package]]\nname = "Tax"\nversion = "1"\n[package.source]\ntype = "legacy"\nurl = "{MINE}"\nreference = "a"\n',
            Indexes(pins={"tax": MINE}),
        ),
        ("pylock.toml", f'[[packages]]\nname = "tax"\nversion = "1"\nindex = "{MINE}"\n', Indexes(pins={"tax": MINE})),
        (
            "Pipfile.lock",
            json.dumps({
                "_meta": {"sources": [{"name": "pypi", "url": "https://pypi.org/simple"}, {"name": "a", "url": MINE}]},
                "default": {"tax": {"version": "==1", "index": "a"}, "six": {"version": "==1", "index": "pypi"}, "x": {"path": "."}},
            }),
            Indexes(pins={"tax": MINE}),
        ),
        ("Pipfile", f'[[source]]\nname = "a"\nurl = "{MINE}"\n[packages]\ntax = "*"\nfar = {{ file = "https://e.org/f.whl" }}\n', Indexes(pins={"tax": MINE})),
    ],
)  # fmt: skip
def test_what_a_lock_says_about_the_index_of_a_package_holds(
    tmp_path: Path, name: str, text: str, wanted: Indexes
) -> None:
    assert collect(write(tmp_path, {name: text}), name).indexes == wanted


def test_the_registries_of_uv_lock_hold_and_those_of_pdm_are_read_beside_its_lock(tmp_path: Path) -> None:
    lock = f'[[package]]\nname = "tax"\nversion = "1"\nsource = {{ registry = "{MINE}" }}\n[[package]]\nname = "six"\n'
    files = {"uv.lock": lock + 'source = { registry = "wheels" }\n', "wheels/a.whl": ""}
    found = collect(write(tmp_path, files), "uv.lock", export_lock=lambda folder, package: "tax==1\nsix==1\n")
    assert found.indexes == Indexes(pins={"tax": MINE}, links=["wheels"])
    pdm = {"pyproject.toml": f'[[tool.pdm.source]]\nname = "a"\nurl = "{MINE}"\n', "pdm.lock": '[[package]]\nname = "a"\nversion = "1"\n'}  # fmt: skip
    assert collect(write(tmp_path, pdm), "pyproject.toml", "pdm.lock").indexes == Indexes(before=[MINE])


def test_one_package_comes_from_one_index_and_all_of_it_counts_for_the_content() -> None:
    found = Indexes()
    assert (found.addresses, found.key) == ([], [])
    found.pin("Tax", MINE, "a")
    found.pin("tax", MINE + "/", "a")
    found.ask(OTHER, "a", instead=True)
    found.ask(MINE, "a", instead=True)
    assert found.addresses == [MINE, MINE, OTHER]
    assert found.key == [f"tax={MINE}", MINE, OTHER]
    with pytest.raises(InvalidRequirement, match="a: tax comes from two indexes"):
        found.pin("tax", OTHER, "a")
