"""A build's plan, and what makes two builds equal."""

from dataclasses import replace
from pathlib import Path

import pytest

from dz.adapters.interpreters import Interpreter
from dz.errors import MissingEnvironment
from dz.tasklib.bundles import build
from dz.tasklib.checkouts.checkouts import Checkout
from dz.tasklib.configuration.plan import Plan
from dz.tasklib.detection import inspect
from dz.tasklib.virtualenvs.virtualenvs import Virtualenv
from tests import PROJECTS
from tests.manifests import PLAN

PYTHON = Interpreter((3, 11, 2), Path("/usr/bin/python3.11"))


def checkout(name: str, commit: str = "0" * 40) -> Checkout:
    return Checkout(PROJECTS / name, "https://example.org/site.git", None, commit, "x", "p00000001")


def plan(name: str, *variables: str, attached: str | None = None) -> Plan:
    found = checkout(name)
    return build.plan(inspect(found.path), found, attached=attached, stored=None, variables=variables)


def test_a_build_without_a_variable_that_the_settings_need_names_all_that_are_missing() -> None:
    with pytest.raises(MissingEnvironment) as raised:
        plan("needs_variables")
    assert raised.value.found == (
        "The settings site1.settings need environment variables that are not set: PAGE_LENGTH, PAYMENT_TOKEN."
    )
    assert raised.value.remedy == "Set them: dz deploy PROJECT --set PAGE_LENGTH=VALUE --set PAYMENT_TOKEN=VALUE"


def test_a_variable_of_the_owner_of_the_platform_or_of_the_configuration_is_not_missing() -> None:
    assert plan("needs_variables", "PAGE_LENGTH", "PAYMENT_TOKEN").required_environment
    assert plan("uv_pyproject").required_environment == ("SECRET_KEY",), "the platform sets it"
    attached = "[project]\nenvironment =\n    PAGE_LENGTH=3\n    PAYMENT_TOKEN=x\n"
    assert plan("needs_variables", attached=attached).build_environment


def test_builds_are_equal_only_if_commit_plan_and_virtualenv_are() -> None:
    def key(commit: str = "a", plan: Plan = PLAN, virtualenv: str = "v") -> str:
        made = Virtualenv(Path("/envs") / virtualenv, virtualenv, PYTHON, ())
        return build.build_key(plan, checkout("sqlite_single", commit), made)

    assert key() == key()
    others = [key(commit="b"), key(plan=replace(PLAN, processes=3)), key(virtualenv="w")]
    assert len({key(), *others}) == 4


def test_what_builds_have_left_is_removed_and_only_the_newest_checkout_stays(tmp_path: Path) -> None:
    work, checkouts = tmp_path / "work", tmp_path / "checkouts"
    newest = replace(checkout("sqlite_single"), commit="b" * 40)
    for left in ("verify-1/out", "code-2/code", "kept"):
        (work / left).mkdir(parents=True)
    for commit in ("a" * 40, newest.commit):
        (checkouts / newest.sysid / commit).mkdir(parents=True)

    build.clean_up(work, newest, checkouts_folder=checkouts)

    assert [path.name for path in work.iterdir()] == ["kept"]
    assert [path.name for path in (checkouts / newest.sysid).iterdir() if path.is_dir()] == [newest.commit]
