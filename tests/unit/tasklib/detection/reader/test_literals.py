"""Constants, collections and comprehensions."""

from pathlib import Path

import pytest

from dz.tasklib.detection.reader import literals
from dz.tasklib.detection.reader.values import UNKNOWN
from tests.unit.tasklib.detection.reader.parts import evaluator, value


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("'a'", "a"),
        ("[1, *known, *unknown]", [1, "x", "y", UNKNOWN]),
        ("(1, missing)", (1, UNKNOWN)),
        ("{'a': 1, **more, 'b': 3}", {"a": 1, "b": 3, "c": 4}),
        ("f'{known[0]}'", UNKNOWN),
        ("f'a{one}b'", "a1b"),
        ("f'{one:>9999999}'", UNKNOWN),
        ("[name for name in known]", ["x", "y"]),
        ("[one for a in known for b in known]", UNKNOWN),
        ("[name for name in unknown]", UNKNOWN),
        ("lambda: 1", UNKNOWN),
    ],
)
def test_a_literal_has_its_value(tmp_path: Path, text: str, wanted: object) -> None:
    scope = {"known": ["x", "y"], "more": {"b": 2, "c": 4}, "one": 1, "unknown": UNKNOWN}
    assert value(evaluator(tmp_path, literals), text, scope) == wanted


def test_a_name_brings_the_variables_that_it_was_made_from(tmp_path: Path) -> None:
    made, scope = evaluator(tmp_path, literals), {"HOST": "db"}
    made.found.origins.note(scope, "HOST", {"DB_HOST"})
    entry = value(made, "{'HOST': HOST, 'PORT': 5432}", scope)
    assert made.found.origins.of(entry, "HOST") == {"DB_HOST"}
    assert made.found.origins.of(entry, "PORT") == set()
    merged = value(made, "{**entry}", {"entry": entry})
    assert made.found.origins.of(merged, "HOST") == {"DB_HOST"}


def test_a_long_comprehension_is_cut(tmp_path: Path) -> None:
    found = value(evaluator(tmp_path, literals), "[n for n in numbers]", {"numbers": list(range(1000))})
    assert found == list(range(200))
