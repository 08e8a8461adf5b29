"""The forms of Prefect's UI: plain fields with words for people, in a sensible order; empty means not given."""

import importlib
from pathlib import Path
from typing import Any

import pytest
import yaml
from prefect.utilities.callables import parameter_schema
from prefect.utilities.schema_tools.validation import ValidationError as SchemaError
from prefect.utilities.schema_tools.validation import validate
from pydantic import ValidationError

from tasks.parameters import DeployRequest, HostRequest, LaunchRequest, Source, VersionRequest

ROOT = Path(__file__).parents[3]
FLOWS = [
    one["entrypoint"].partition(":")[2] for one in yaml.safe_load((ROOT / "prefect.yaml").read_text())["deployments"]
]
FOR_PEOPLE = ["build_and_deploy", "check_repo", "launch", "publish_host", "rollback"]


def _schema(flow: str) -> dict[str, Any]:
    """What Prefect stores of a flow's parameters, which its UI draws."""
    return parameter_schema(getattr(importlib.import_module(f"flows.{flow}"), flow).fn).model_dump()


def _fields(flow: str) -> list[dict[str, Any]]:
    """The fields of the form that people fill in, in the order in which the UI draws them."""
    (model,) = _schema(flow)["definitions"].values()
    return sorted(model["properties"].values(), key=lambda field: field["position"])


@pytest.mark.parametrize("flow", FLOWS)
def test_no_field_lets_a_person_choose_between_types(flow: str) -> None:
    schema = _schema(flow)
    for model in (schema, *schema.get("definitions", {}).values()):
        for field in model["properties"].values():
            assert "anyOf" not in field
            assert field.get("type") in ("string", "integer", "boolean") or "$ref" in field


@pytest.mark.parametrize("flow", FOR_PEOPLE)
def test_every_field_says_what_it_means(flow: str) -> None:
    assert list(_schema(flow)["properties"]) in (["request"], ["source"])  # the job is no field
    for field in _fields(flow):
        assert field["title"][0].isupper() or field["title"] == "zoombuild.cfg"
        assert len(field["description"]) > 15


@pytest.mark.parametrize(
    ("flow", "titles"),
    [
        ("build_and_deploy", ["Project", "Git URL", "Branch, tag or commit", "Commit", "zoombuild.cfg", "Build again"]),
        ("check_repo", ["Git URL", "Branch, tag or commit", "Prove it"]),
        ("rollback", ["Project", "Version", "Even if its code does not fit the database"]),
        ("publish_host", ["Project", "Host name", "Version"]),
    ],
)
def test_what_matters_most_comes_first(flow: str, titles: list[str]) -> None:
    assert [field["title"] for field in _fields(flow)] == titles


def test_a_launch_asks_for_project_and_url_first() -> None:
    assert [field["title"] for field in _fields("launch")][:3] == ["Project", "Git URL", "Branch, tag or commit"]


def test_what_is_left_empty_is_not_given() -> None:
    assert DeployRequest.model_validate(
        {"project": "", "url": " https://example.org/x.git\n", "ref": "  ", "commit": "", "config": ""}
    ) == DeployRequest(url="https://example.org/x.git")
    assert Source.model_validate({"url": "https://example.org/x", "ref": ""}).ref is None
    assert VersionRequest.model_validate({"project": " polls ", "version": ""}) == VersionRequest(project="polls")
    with pytest.raises(ValidationError, match="url"):
        LaunchRequest.model_validate({"url": ""})
    with pytest.raises(ValidationError, match="host"):
        HostRequest.model_validate({"project": "polls", "host": " "})


def test_a_run_is_named_by_project_not_by_url() -> None:
    assert DeployRequest(url="https://example.org/you/Polls.git").subject == "polls"
    assert DeployRequest(project="polls", url="https://example.org/x", ref="main").subject == "polls at main"
    assert Source(url="https://example.org/you/polls.git", ref="v1").subject == "polls at v1"
    assert VersionRequest(project="polls").subject == "polls to the version before"


@pytest.mark.parametrize(
    "request_",
    [
        {"project": None, "url": "https://example.org/x", "ref": None, "commit": None, "config": None, "rebuild": True},
        {"project": "polls", "url": "", "ref": "", "commit": "", "config": ""},
        {"url": "https://example.org/x.git \n", "commit": "a" * 40},
    ],
)
def test_prefect_takes_null_and_empty_text_for_what_is_not_given(request_: dict[str, Any]) -> None:
    validate({"request": request_, "job": 7}, _schema("build_and_deploy"), raise_on_error=True)


@pytest.mark.parametrize("wrong", [{"commit": "main"}, {"url": "https://ann:secret@example.org/x"}, {"rebuild": "x"}])
def test_prefect_refuses_what_may_not_be_stored(wrong: dict[str, Any]) -> None:
    with pytest.raises(SchemaError):
        validate({"request": wrong}, _schema("build_and_deploy"), raise_on_error=True)
