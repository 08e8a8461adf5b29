"""Calls of known values, of the project's own and of what only its name tells."""

from pathlib import Path, PurePosixPath

import pytest

from dz.tasklib.detection.reader import attributes, calls, literals
from dz.tasklib.detection.reader.evaluator import Evaluator
from dz.tasklib.detection.reader.values import UNKNOWN, Native, UrlDatabase
from tests.unit.tasklib.detection.reader.parts import evaluator, value


@pytest.fixture
def made(tmp_path: Path) -> Evaluator:
    return evaluator(tmp_path, literals, attributes, calls, files={"config/local.json": "{}"})


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("'a,b'.split(',')", ["a", "b"]),
        ("'{}/{name}'.format('a', name='b')", "a/b"),
        ("'{:>9999999}'.format('a')", UNKNOWN),
        ("'a'.zfill(10)", UNKNOWN),
        ("len(['a', 'b'])", 2),
        ("len(unknown)", UNKNOWN),
        ("sorted([1, 'a'])", UNKNOWN),
        ("path.joinpath('static').as_posix()", "/config/static"),
        ("path.resolve()", PurePosixPath("/config")),
        ("path.joinpath('local.json').exists()", True),
        ("path.joinpath('other.json').exists()", False),
        ("path.read_text()", UNKNOWN),
        ("unknown()", UNKNOWN),
        ("__import__('os').system('true')", UNKNOWN),
    ],
)
def test_a_call_has_its_value(made: Evaluator, text: str, wanted: object) -> None:
    assert value(made, text, {"path": PurePosixPath("/config")}) == wanted


def test_a_method_of_an_unset_variable_makes_it_required(made: Evaluator) -> None:
    scope = {"hosts": made.variables.ask("HOSTS")}
    made.found.origins.note(scope, "hosts", {"HOSTS"})
    assert value(made, "hosts.split(',')", scope) is UNKNOWN
    assert list(made.variables.required) == ["HOSTS"]


def test_a_variable_that_is_turned_into_a_number_is_remembered(made: Evaluator) -> None:
    scope = {"port": made.variables.ask("PORT", "80")}
    made.found.origins.note(scope, "port", {"PORT"})
    assert value(made, "int(port)", scope) == 80
    assert made.variables.casts == {"PORT": "int"}


def test_a_file_that_is_opened_for_reading_must_be_there(made: Evaluator) -> None:
    for text in ("open('config/local.json')", "open('config/secret.json')", "open('config/log', 'w')"):
        assert value(made, text) is UNKNOWN
    assert list(made.found.absent) == ["config/secret.json"]


def test_an_exit_needs_the_variables_of_its_condition(made: Evaluator) -> None:
    made.variables.ask("NAME")
    with made.under({"NAME"}):
        value(made, "sys.exit(1)", {"sys": Native("sys")})
    assert list(made.variables.required) == ["NAME"]


def test_an_update_by_a_url_leaves_the_engine_open(made: Evaluator) -> None:
    entry = {"ENGINE": "django.db.backends.sqlite3"}
    value(made, "entry.update(url)", {"entry": entry, "url": UrlDatabase(None)})
    assert isinstance(entry["ENGINE"], UrlDatabase)


def test_names_are_taken_over_into_the_module(made: Evaluator) -> None:
    made.loaded[made.path] = {"A": 1}
    value(made, "globals().update(vars(other))", {"other": {"B": 2, "_C": 3}})
    assert made.loaded[made.path] == {"A": 1, "B": 2}
