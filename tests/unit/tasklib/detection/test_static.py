"""Folders of static and uploaded files."""

from pathlib import PurePosixPath

import pytest

from dz.tasklib.detection import static
from dz.tasklib.detection.reader.values import UNKNOWN
from dz.tasklib.detection.roots import Root


@pytest.mark.parametrize(
    ("value", "wanted"),
    [
        ("/backend/static", "static"),
        (PurePosixPath("/backend/site1/../static"), "static"),
        ("static/", "static"),
        ("/backend/", "."),
        ("/srv/static", "srv/static"),
        ("", None),
        (UNKNOWN, None),
    ],
)
def test_a_folder_is_relative_to_the_project(value: object, wanted: str | None) -> None:
    assert static.folder(value, Root("backend", None, "", aside=False)) == wanted


@pytest.mark.parametrize("name", ["MIDDLEWARE", "MIDDLEWARE_CLASSES"])
def test_whitenoise_is_a_middleware(name: str) -> None:
    assert static.whitenoise({name: ["whitenoise.middleware.WhiteNoiseMiddleware"]})
    assert not static.whitenoise({name: [UNKNOWN]})
