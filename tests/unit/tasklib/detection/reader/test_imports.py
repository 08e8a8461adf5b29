"""Imports of the project's modules."""

from pathlib import Path

import pytest

from dz.tasklib.detection.reader import assignments, imports, literals
from dz.tasklib.detection.reader.evaluator import Evaluator
from dz.tasklib.detection.reader.failures import Failure
from dz.tasklib.detection.reader.values import UNKNOWN, Native
from tests.unit.tasklib.detection.reader.parts import evaluator, run

FILES = {
    "site1/__init__.py": "",
    "site1/settings.py": "",
    "site1/base.py": "COLOUR = 'blue'\n_HIDDEN = 1\n",
    "site1/loop.py": "from .loop import *\nA = 1\n",
    "site1/production.py": "STAGE = 'live'\n",
}


@pytest.fixture
def made(tmp_path: Path) -> Evaluator:
    return evaluator(tmp_path, literals, assignments, imports, files=FILES)


def test_names_are_taken_from_a_module(made: Evaluator) -> None:
    assert run(made, "from .base import COLOUR as C, OTHER") == {"C": "blue", "OTHER": UNKNOWN}
    assert run(made, "from site1.base import *") == {"COLOUR": "blue"}
    assert run(made, "import site1.base as base")["base"]["COLOUR"] == "blue"
    assert list(made.loaded) == ["site1/__init__.py", "site1/base.py"]


def test_the_variables_behind_a_name_come_with_it(made: Evaluator) -> None:
    base = imports.load(made, "site1.base")
    made.found.origins.note(base, "COLOUR", {"COLOUR"})
    for text in ("from .base import COLOUR", "from .base import *"):
        names = run(made, text)
        assert made.found.origins.of(names, "COLOUR") == {"COLOUR"}


def test_a_module_that_imports_itself_is_read_once(made: Evaluator) -> None:
    assert imports.load(made, "site1.loop")["A"] == 1


def test_what_is_imitated_is_bound_and_the_rest_is_unknown(made: Evaluator) -> None:
    names = run(made, "import os\nimport os.path\nimport requests\nfrom decouple import config")
    assert isinstance(names["os"], Native)
    assert isinstance(names["config"], Native)
    assert names["requests"] is UNKNOWN


def test_a_module_that_is_not_there_is_a_file_that_is_missing(made: Evaluator) -> None:
    run(made, "from .secrets import *")
    assert made.found.absent == {"site1/secrets.py": "site1/settings.py:1"}


def test_inside_try_a_module_that_is_not_there_fails(made: Evaluator) -> None:
    with made.attempt(), pytest.raises(Failure) as caught:
        run(made, "from .secrets import *")
    assert caught.value.kind == "ImportError"
    assert not made.found.absent


def test_a_star_without_a_dot_may_be_that_of_python_2(made: Evaluator) -> None:
    assert run(made, "from base import *")["COLOUR"] == "blue"
    assert made.found.implicit


def test_a_computed_name_of_production_finds_its_file(made: Evaluator) -> None:
    assert imports.import_named(made, ["site1.prod"])["STAGE"] == "live"
    assert imports.import_named(made, ["site1.dev"]) is UNKNOWN
