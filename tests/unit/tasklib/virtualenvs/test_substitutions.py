"""What the platform adds to requirements, and what it takes instead."""

import dataclasses

import pytest

from dz.errors import InvalidRequirement
from dz.tasklib.virtualenvs import requirements, substitutions
from dz.tasklib.virtualenvs.local_packages import LocalPackage
from tests.manifests import PLAN
from tests.unit.tasklib.virtualenvs.collecting import PYTHON


def completed(*lines, local=(), **changes):
    found = requirements.Requirements(list(lines), [], list(local), [])
    return substitutions.complete(found, dataclasses.replace(PLAN, **changes), PYTHON)


def test_a_server_and_a_driver_are_added_with_warnings():
    found = completed("Django==5.1")
    assert found.lines == ["Django==5.1", "gunicorn", "psycopg[binary]", "setuptools<81"]
    assert len(found.warnings) == 2
    assert completed("Django==5.1", use_asgi=True).lines[-3:] == ["uvicorn", "uvicorn-worker", "websockets"]


@pytest.mark.parametrize(
    ("lines", "library"),
    [
        (["channels==4.2.2", "daphne==4.1.2"], "websockets"),
        (["uvicorn>=0.30"], "websockets"),
        (["uvicorn==0.22.0"], "websockets>=10.4,<14"),
        (["uvicorn[standard]==0.30.6"], None),
        (["wsproto==1.2.0"], None),
        (["websockets==12.0"], "websockets==12.0"),
    ],
)
def test_an_asgi_site_has_a_websocket_library_that_its_server_knows(lines, library):
    found = completed("Django==5.1", *lines, use_asgi=True)
    assert next((line for line in found.lines if line.startswith("websockets")), None) == library
    added = [warning for warning in found.warnings if "websockets of ASGI sites need it" in warning]
    assert bool(added) == (library is not None and library not in lines)


def test_a_worker_class_brings_its_library():
    assert "gevent" in completed("Django==5.1", worker_class="gevent").lines
    assert "gevent" not in completed("Django==5.1").lines


def test_what_every_virtualenv_had_before_python_3_12_is_there_still():
    assert "setuptools<81" in completed("Django==4.0.3", "gunicorn==20.1.0", "psycopg2-binary").lines
    own = completed("Django==4.0.3", "gunicorn", "psycopg2-binary", "setuptools==65.5")
    assert [line for line in own.lines if line.startswith("setuptools")] == ["setuptools==65.5"]


@pytest.mark.parametrize(
    ("django", "driver"),
    [
        ("Django==2.2.28", "psycopg2-binary"),
        ("Django~=3.2", "psycopg2-binary"),
        ("Django>=3.2,<4", "psycopg2-binary"),
        ("Django==4.2.16", "psycopg[binary]"),
        ("Django", "psycopg[binary]"),
    ],
)
def test_the_driver_fits_the_version_of_django(django, driver):
    assert driver in completed(django).lines


def test_psycopg2_is_taken_as_a_wheel_of_the_same_version():
    found = completed("Django==4.2", "gunicorn", "psycopg2==2.9.9 --hash=sha256:00")
    assert found.lines == ["Django==4.2", "gunicorn", "psycopg2-binary==2.9.9", "setuptools<81"]
    assert "psycopg2-binary==2.9.9" in found.warnings[0]
    assert (
        completed("Django==4.2", "gunicorn", "psycopg2", "psycopg2-binary==2.9.9").lines[-2] == "psycopg2-binary==2.9.9"
    )


@pytest.mark.parametrize("line", ["psycopg2==2.8.6", "psycopg2-binary==2.8.6", "psycopg2-binary==2.9.1"])
def test_a_driver_without_a_wheel_for_this_python_is_taken_newer(line):
    found = completed("Django==2.2", "gunicorn", line)
    assert "psycopg2-binary>=2.9.5,<3" in found.lines
    assert "no wheel for Python 3.11" in found.warnings[0]


def test_no_django_among_the_requirements_is_an_error_and_no_list_at_all_is_not():
    with pytest.raises(InvalidRequirement, match="no Django"):
        completed("flask")
    found = completed(dependency_files=())
    assert "django" in found.lines
    assert "No list of dependencies" in found.warnings[0]


@pytest.mark.parametrize(
    ("line", "name"),
    [
        ("Django_Rest.Framework[x]==1 --hash=sha256:00", "django-rest-framework"),
        ("a @ git+https://example.org/a.git", "a"),
        ("https://example.org/a-1.tar.gz", ""),
    ],
)
def test_a_line_is_known_by_its_package(line, name):
    assert substitutions.package(line) == name


@pytest.mark.parametrize("line", ["wagtail==6.1", "django-cms", "https://example.org/a.whl"])
def test_what_may_bring_django_needs_none_listed_and_that_is_said(line):
    found = completed(line)
    assert "Django is not listed; its version is the one that the listed packages bring." in found.warnings
    assert "django" not in {substitutions.package(one) for one in found.lines}


def test_folders_that_are_installed_as_packages_may_bring_django():
    assert completed("six", local=[LocalPackage(".")]).local == [LocalPackage(".")]


def test_without_any_list_the_version_that_detection_read_is_taken():
    assert "django==4.2.*" in completed(dependency_files=(), django_version="4.2").lines
    assert "django" in completed(dependency_files=(), django_version=">=4").lines


def test_packages_of_other_operating_systems_are_left_out_all_named_in_one_warning():
    lines = [
        "Django==5.1",
        "colorama==0.4.6",
        "pywin32==306 --hash=sha256:00",
        "pyobjc-core==10",
        "rocket==2",
        "psycopg2",
    ]
    found = substitutions.complete(requirements.Requirements(lines), PLAN, PYTHON, {"rocket==2"})
    assert {"colorama==0.4.6", "Django==5.1"} < set(found.lines)
    assert not [line for line in found.lines if line.startswith(("pywin32", "pyobjc", "rocket"))]
    (warning,) = [text for text in found.warnings if "Windows or macOS" in text]
    assert warning.endswith("only: pywin32==306, pyobjc-core==10, rocket==2.")


def test_a_package_of_that_name_from_an_address_is_installed():
    line = "pywin32 @ https://example.org/pywin32-1-py3-none-any.whl"
    assert line in completed("Django==5.1", line).lines


def test_what_became_a_part_of_python_is_left_out_and_named():
    found = completed(
        "Django==4.0.3", "backports.zoneinfo==0.2.1", "dataclasses==0.8", "pkg-resources==0.0.0", "importlib-resources"
    )
    assert not [line for line in found.lines if line.startswith(("backports", "dataclasses", "pkg"))]
    assert "importlib-resources" in found.lines
    left = "backports.zoneinfo==0.2.1, dataclasses==0.8, pkg-resources==0.0.0"
    assert f"Left out, because it is a part of Python: {left}." in found.warnings


@pytest.mark.parametrize(
    ("listed", "driver"),
    [
        ("psycopg2-binary>=2.9.10", "psycopg2-binary>=2.9.10"),
        ("psycopg2==2.9.9", "psycopg2-binary==2.9.9"),
        ("psycopg[binary]", "psycopg2-binary"),
        ("whitenoise", "psycopg2-binary"),
    ],
)
def test_psycopg2_is_not_compiled_for_a_package_that_asks_for_it(listed, driver):
    found = completed("Django==4.2", "django-heroku==0.3.1", listed)
    assert driver in found.lines
    assert found.overrides == ["psycopg2 ; sys_platform == 'none'"]
    assert completed("Django==4.2", listed).overrides == []
