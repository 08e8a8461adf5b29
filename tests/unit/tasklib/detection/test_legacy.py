"""Code of other times."""

from pathlib import Path

import pytest

from dz.tasklib.detection import legacy
from dz.tasklib.detection.roots import Root
from tests.unit.tasklib.detection.projects import tree

ROOT = Root("", "manage.py", "manage.py:1", aside=False)


@pytest.mark.parametrize(
    ("python", "django", "old"),
    [
        ("2.7", None, True),
        (">=3.8", None, False),
        (None, "==1.4.2", True),
        (None, "==1.11", False),
        (None, ">=4", False),
    ],
)
def test_a_version_says_whether_python_2_is_meant(
    tmp_path: Path, python: str | None, django: str | None, *, old: bool
) -> None:
    assert legacy.python2(tree(tmp_path, {"manage.py": ""}), ROOT, python, django) == old


@pytest.mark.parametrize(
    ("text", "old"),
    [
        ("print 'a'\n", True),
        ("try:\n    pass\nexcept ValueError, error:\n    pass\n", True),
        ("print('a')\n", False),
        ("import urllib2\n", False),
        ("try:\n    import urllib2\nexcept ImportError:\n    import urllib\n", False),
    ],
)
def test_code_says_whether_python_2_is_meant(tmp_path: Path, text: str, *, old: bool) -> None:
    assert legacy.python2(tree(tmp_path, {"a.py": text}), ROOT, None, None) == old


@pytest.mark.parametrize(
    ("version", "settings", "old"),
    [
        ("==1.11", {}, True),
        (">=1.8", {}, False),
        ("==4.2", {"MIDDLEWARE_CLASSES": []}, False),
        (None, {"MIDDLEWARE_CLASSES": []}, True),
        (None, {"MIDDLEWARE_CLASSES": [], "MIDDLEWARE": []}, False),
    ],
)
def test_django_1_is_told_by_its_version_or_by_a_setting_of_its_own(
    version: str | None, settings: dict[str, object], *, old: bool
) -> None:
    assert legacy.django1(version, settings) == old
