"""Several lines about one package."""

import pytest
from packaging.requirements import Requirement

from dz.errors import InvalidRequirement
from tests.unit.tasklib.virtualenvs.collecting import collect, lines_of


def test_one_package_with_two_versions_is_an_error_naming_both_places(tmp_path):
    with pytest.raises(InvalidRequirement, match=r"django is listed twice.*requirements\.txt:1.*requirements\.txt:3"):
        lines_of(tmp_path, "Django==4.2\nsix\ndjango==5.0\n")


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("Django>=5.2,<6\ndjango==5.2.19\n", "Django==5.2.19,>=5.2,<6"),
        ("django==5.2.19\nDjango[argon2]>=5.2\n", "django[argon2]==5.2.19,>=5.2"),
        ("Django>=5\nDjango<6\nDjango!=5.1\n", "Django!=5.1,<6,>=5"),
        ("django==5.2.*\ndjango==5.2.19\n", "django==5.2.*,==5.2.19"),
        ("django==5.2\ndjango==5.2.0\n", "django==5.2,==5.2.0"),
    ],
)
def test_bounds_of_one_package_hold_together_wherever_they_stand(tmp_path, text, line):
    (found,) = lines_of(tmp_path, text)
    assert Requirement(found) == Requirement(line)


def test_an_address_and_a_bound_of_one_package_hold_together(tmp_path):
    (tmp_path / "requirements.txt").write_text("tool @ https://example.org/tool-2.tar.gz\ntool[x]>=1.5\n")
    found = collect(tmp_path)
    assert [Requirement(line) for line in found.lines] == [Requirement("tool[x] @ https://example.org/tool-2.tar.gz")]
    assert found.constraints == ["tool>=1.5"]


def test_hashes_of_both_lines_are_kept(tmp_path):
    text = "six==1.17.0 --hash=sha256:00\nsix>=1 --hash=sha256:11\n"
    assert lines_of(tmp_path, text) == ["six==1.17.0,>=1 --hash=sha256:00 --hash=sha256:11"]


@pytest.mark.parametrize(
    "text",
    [
        "django==5.2\ndjango>5.2\n",
        "django==5.2.1\ndjango==5.1.*\n",
        "a @ https://example.org/a-1.tar.gz\na @ https://example.org/a-2.tar.gz\n",
    ],
)
def test_bounds_that_contradict_an_exact_version_or_address_are_named(tmp_path, text):
    with pytest.raises(InvalidRequirement, match="is listed twice"):
        lines_of(tmp_path, text)
