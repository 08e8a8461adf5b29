"""What is detected, in words."""

import pytest

from dz.tasklib.detection import Risk, Variable
from dz.tasklib.detection.wording import text


@pytest.mark.parametrize(
    ("value", "wanted"),
    [
        (("a.txt", "b.txt"), "a.txt, b.txt"),
        (True, "True"),
        ("a\x1b[2Jb\n", "a[2Jb"),
        (Variable("A", "s.py:1", required=True, is_secret=True).to_json(), "A: you must give it, required, secret"),
        (Variable("A", "s.py:1", default="b", supply="default", note="so").to_json(), "A: default b, so"),
        (Variable("A", "s.py:1", supply="default").to_json(), "A: may stay unset"),
        (Risk("sqlite", "a file", "s.py:1", "Moved.", safe=True).to_json(), "kept: a file. Moved."),
        (Risk("sqlite", "a file", "s.py:1", "Move it.", safe=False).to_json(), "CAN BE LOST: a file. Move it."),
    ],
)
def test_a_guess_is_worded(value: object, wanted: str) -> None:
    assert text(value) == wanted
