"""The platform's files in a bundle."""

import json
from dataclasses import replace
from pathlib import Path

from dz.tasklib.configuration.plan import Plan
from dz.tasklib.verification import shim
from tests.manifests import PLAN


def _files(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_the_shim_holds_all_that_a_bundle_starts_with_and_the_plan(tmp_path: Path) -> None:
    plan = replace(PLAN, hooks=("migrate", "loaddata ä.json"))
    shim.write(plan, tmp_path / "dz")
    started = {"dz_run.py", "dz_settings.py", "dz_wsgi.py", "dz_asgi.py", "dz_hooks.py", "dz_verify.py"}
    assert started < _files(tmp_path / "dz").keys()
    assert Plan.from_json(json.loads((tmp_path / "dz" / "plan.json").read_text())) == plan


def test_the_shim_imports_nothing_that_it_does_not_bring(tmp_path: Path) -> None:
    shim.write(PLAN, tmp_path)
    brought = {path.stem for path in tmp_path.glob("*.py")}
    for path in tmp_path.glob("*.py"):
        words = [line.split()[1] for line in path.read_text().splitlines() if line.strip().startswith("import dz_")]
        words += [line.split()[1] for line in path.read_text().splitlines() if line.strip().startswith("from dz_")]
        assert set(words) <= brought, path.name


def test_writing_again_gives_the_same_and_every_user_can_read_it(tmp_path: Path) -> None:
    shim.write(PLAN, tmp_path)
    before = _files(tmp_path)
    shim.write(PLAN, tmp_path)
    assert _files(tmp_path) == before
    assert {path.stat().st_mode & 0o777 for path in tmp_path.iterdir() if path.is_file()} == {0o644}


def test_a_file_takes_the_place_of_an_older_one(tmp_path: Path) -> None:
    (tmp_path / "verified.json").write_text("old")
    shim.write_file(tmp_path / "verified.json", b"new")
    assert _files(tmp_path) == {"verified.json": b"new"}
