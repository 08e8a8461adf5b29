"""Names from outside are accepted by rule, never by luck."""

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dz import names
from dz.errors import InvalidName, InvalidRef


@given(st.text(max_size=60))
@settings(max_examples=300)
def test_only_lower_case_ascii_is_a_project_name(text: str) -> None:
    try:
        assert names.project_name(text) == text
    except InvalidName:
        return
    assert re.fullmatch(r"[a-z][a-z0-9-]{1,30}", text, re.ASCII)


@given(st.text(max_size=80))
@settings(max_examples=300)
def test_a_host_name_that_is_accepted_is_plain_ascii_of_labels(text: str) -> None:
    try:
        name = names.hostname(text)
    except InvalidName:
        return
    assert re.fullmatch(r"[a-z0-9.-]+\.[a-z0-9-]*[a-z][a-z0-9-]*", name, re.ASCII)


@pytest.mark.parametrize(
    ("text", "name"),
    [("www.Example.ORG", "www.example.org"), ("bücher.example", "xn--bcher-kva.example")],
)
def test_host_names_come_out_as_nginx_knows_them(text: str, name: str) -> None:
    assert names.hostname(text) == name


@pytest.mark.parametrize(
    "text",
    ["localhost", "127.0.0.1", "*.example.org", "a.b\n", "a.b;", "a.b {", "-a.example", "a..b", "x" * 64 + ".org", ""],
)
def test_what_is_no_host_name_is_refused(text: str) -> None:
    with pytest.raises(InvalidName):
        names.hostname(text)


@pytest.mark.parametrize("text", ["main", "v1.0", "feature/x", "a" * 40, "release-2.1", "dependabot/pip/django-5.2"])
def test_usual_refs_are_accepted(text: str) -> None:
    assert names.git_ref(text) == text


@pytest.mark.parametrize(
    "text", ["--upload-pack=x", "-u", "a..b", "a@{1}", "a b", "a:b", "x.lock", "a\n", "", "/x", "a//b"]
)
def test_what_git_would_read_otherwise_is_no_ref(text: str) -> None:
    with pytest.raises(InvalidRef):
        names.git_ref(text)


@pytest.mark.parametrize(
    "text", ["PATH", "LD_PRELOAD", "PYTHONPATH", "DZ_HTTPS", "CONFIG_PG_HOST", "A-B", "A\n", "1A", ""]
)
def test_variables_that_steer_the_platform_are_reserved(text: str) -> None:
    with pytest.raises(InvalidName):
        names.variable(text)


def test_a_project_is_named_after_its_repository() -> None:
    assert names.project_name_from_url("https://github.com/you/My_Site.git") == "my-site"
    assert names.project_name_from_url("https://github.com/you/admin") == "site-admin"
