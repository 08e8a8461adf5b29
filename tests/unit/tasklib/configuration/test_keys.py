"""The keys of `zoombuild.cfg`, one by one."""

import re
from pathlib import PurePosixPath
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from dz.tasklib.configuration import keys
from tests.manifests import PLAN


@pytest.mark.parametrize(
    ("key", "raw", "value"),
    [
        ("use_asgi", "Yes", True),
        ("preload", "0", False),
        ("instances", " 100 ", 100),
        ("project_root", "./src//shop/", "src/shop"),
        ("project_root", "windows\\folder", "windows/folder"),
        ("project_root", "./", "."),
        ("hooks", "\nmigrate\n\n loaddata start.json\n", ("migrate", "loaddata start.json")),
        ("hooks", "", ()),
        ("environment", "A=b=c\nB =", (("A", "b=c"), ("B", ""))),
        ("site_media_map", "/m/ {SITE_PACKAGES}", (("/m/", "{SITE_PACKAGES}/."),)),
        ("asgi", "shop.asgi:application", "shop.asgi:application"),
        ("database_type", "postgresql-gis-3.4", "postgresql-gis-3.4"),
        ("python_version", "~3.10 || ^3.12", "~3.10 || ^3.12"),
    ],
)
def test_a_text_becomes_the_value_that_its_key_has(key: str, raw: str, value: keys.Value) -> None:
    assert keys.typed(key, raw) == value


@pytest.mark.parametrize(
    ("key", "raw", "problem"),
    [
        ("procceses", "2", "did you mean processes"),
        ("zzz", "2", "this key is unknown"),
        ("processes", "65", "from 1 to 64"),
        ("processes", "-1", "from 1 to 64"),
        ("processes", "٣", "from 1 to 64"),
        ("project_root", "a/../../b", "not a relative path"),
        ("project_root", "C:\\site", "not a relative path"),
        ("project_root", "-rf", "not a relative path"),
        ("project_root", "~/site", "not a relative path"),
        ("django_settings_module", "shop.1", "not a dotted Python module"),
        ("wsgi", "shop.wsgi", "of the form package.module:attribute"),
        ("hooks", "migrate && rm", "a management command with plain arguments"),
        ("hooks", "/bin/sh", "a management command with plain arguments"),
        ("health_path", "/\u2028", "the control character"),
        ("environment", "A=1\nA=2", "'A' is given twice"),
        ("environment", "A", "'A' is not NAME=value"),
        ("required_environment", "PATH", "'PATH' cannot be set"),
        ("package_manager", "npm", "is not one of: pip, uv, poetry, pipenv, pdm, none"),
        ("title", "x" * 2001, "longer than 2000"),
        ("python_version", "new", "not a Python version"),
    ],
)
def test_a_text_that_its_key_cannot_have_is_refused_with_the_reason(key: str, raw: str, problem: str) -> None:
    with pytest.raises(ValueError, match=re.escape(problem)):
        keys.typed(key, raw)


@given(st.text(max_size=30) | st.lists(st.sampled_from(["..", ".", "a", "", "b"])).map("/".join))
@example("a/./b/..")
@example("..\\..")
def test_no_accepted_path_leads_out_of_the_repository(raw: str) -> None:
    try:
        path = keys.path_inside(raw)
    except ValueError:
        return
    assert not PurePosixPath(path).is_absolute()
    assert ".." not in PurePosixPath(path).parts
    assert keys.path_inside(path) == path


_FIELDS: dict[str, Any] = {
    "processes": st.integers(1, 64),
    "use_asgi": st.booleans(),
    "hooks": st.lists(st.sampled_from(["migrate", "loaddata a.json"]), max_size=2).map(tuple),
    "dependency_files": st.lists(st.sampled_from(["a.txt", "b/c.txt"]), max_size=2).map(tuple),
    "site_media_map": st.lists(st.sampled_from([("/m/", "media"), ("/n/", "a/b")]), unique=True, max_size=2).map(tuple),
    "build_variables": st.just((("A", "b"),)) | st.just(()),
    "required_variables": st.just(("A", "B")) | st.just(()),
}


@given(st.fixed_dictionaries(_FIELDS))
def test_what_is_written_of_a_plan_is_read_back(values: dict[str, Any]) -> None:
    plan = {**vars(PLAN), **values}
    for key, text in keys.texts(plan):
        assert keys.typed(key, text) == plan[keys.FIELD_OF.get(key, key)]
    written = {key for key, _ in keys.texts(plan)}
    assert {"hooks", "requirements_files"} <= written, "an empty list of these is an answer, too"
    assert "asgi" not in written, "what has no value is left to detection"


def test_a_mistake_is_found_in_its_line() -> None:
    assert keys.line_of("[project]\n  Title = x\n", "title") == 2
    assert keys.line_of("[project]\n", "title") == 1
