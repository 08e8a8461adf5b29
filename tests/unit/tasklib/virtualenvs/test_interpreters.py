"""Which interpreter a plan gets."""

import dataclasses
from collections.abc import Callable
from pathlib import Path

import pytest

from dz.adapters.interpreters import Download, Interpreter
from dz.adapters.python_downloads import PythonDownloads, Pythons
from dz.errors import NoMatchingPython, PythonMissing
from dz.tasklib.configuration.plan import Plan
from dz.tasklib.virtualenvs.interpreters import Choice, choose_interpreter
from tests.manifests import PLAN


def own(*versions: str) -> tuple[Interpreter, ...]:
    return tuple(Interpreter(numbers(one), Path(f"/usr/bin/python{one}")) for one in versions)


def numbers(version: str) -> tuple[int, int, int]:
    major, minor, micro = map(int, version.split("."))
    return major, minor, micro


HAVE = Pythons(own("3.13.2", "3.11.2", "3.9.2"))


@dataclasses.dataclass(frozen=True)
class Offered(PythonDownloads):
    """Downloads without any network: what is offered is fetched by being asked for."""

    folder: Path = Path("/pythons")
    versions: tuple[str, ...] = ("3.14.1", "3.13.5", "3.12.9", "3.12.4", "3.10.7")
    there: tuple[str, ...] = ()
    broken: bool = False

    def offered(self) -> list[Download]:
        return [self.download(one) for one in self.versions] if self.allowed else []

    def fetched(self) -> list[Interpreter]:
        return [self.made(self.download(one)) for one in self.there]

    def fetch(
        self, wanted: Download, *, patient: bool = True, on_line: Callable[[str], None] | None = None
    ) -> Interpreter:
        if self.broken and wanted not in [self.download(one) for one in self.there]:
            raise PythonMissing(f"{wanted.key} does not come.", "Wait.")
        return self.made(wanted)

    def download(self, version: str) -> Download:
        return Download(numbers(version), f"cpython-{version}", f"https://example.org/{version}", "0" * 64)

    def made(self, source: Download) -> Interpreter:
        return Interpreter(source.version, Path("/pythons", source.key), source=source)


def plan(
    version: str | None, basis: str = "preference", *, django: str | None = None, rather: str | None = None
) -> Plan:
    strict = basis == "requires-python"
    return dataclasses.replace(
        PLAN,
        python_version=version,
        python_version_basis=basis,
        python_version_place="pyproject.toml:4" if strict else "runtime.txt:1",
        python_preference=rather,
        python_preference_place="Dockerfile:1" if rather else "",
        django_version=django,
    )


def choose(version: str | None, basis: str = "preference", pythons: Pythons = HAVE) -> tuple[str, int]:
    choice = choose_interpreter(plan(version, basis), pythons)
    return choice.interpreter.minor, len(choice.warnings)


@pytest.mark.parametrize(
    ("version", "basis", "wanted"),
    [
        (None, "", ("3.13", 0)),
        (">=3.8", "requires-python", ("3.13", 0)),
        (">=3.8,<3.12", "requires-python", ("3.11", 0)),
        ("python-3.11.9", "preference", ("3.11", 0)),
        ("3.12.1", "preference", ("3.13", 1)),
        ("3.10", "preference", ("3.11", 1)),
        ("2.7.18", "preference", ("3.9", 1)),
        ("pypy", "preference", ("3.13", 1)),
        ("3", "preference", ("3.13", 0)),
    ],
)
def test_the_interpreter_fits_or_is_the_nearest(version: str | None, basis: str, wanted: tuple[str, int]) -> None:
    assert choose(version, basis) == wanted


def test_what_sites_cannot_run_on_is_the_owners_matter() -> None:
    with pytest.raises(NoMatchingPython) as raised:
        choose("<3.9", "requires-python")
    assert raised.value.actor == "project owner"
    assert raised.value.found == (
        "The project requires Python <3.9 (pyproject.toml:4); sites run on CPython 3.9 to 3.14."
    )
    assert raised.value.remedy == "Allow one of these, in requires-python or by python_version in a zoombuild.cfg."


def test_what_the_server_lacks_is_the_operators_matter_who_reads_what_is_there() -> None:
    with pytest.raises(PythonMissing) as raised:
        choose(">=3.12", "requires-python", Pythons(own("3.11.2", "3.9.2")))
    assert raised.value.actor == "operator"
    assert raised.value.found == (
        "The project requires Python >=3.12 (pyproject.toml:4); this server has 3.11.2, 3.9.2. "
        "No other is fetched here: DZ_PYTHON_DOWNLOADS is never."
    )
    with pytest.raises(PythonMissing, match=r"The downloads on offer are 3\.10\."):
        choose("==3.12.*", "requires-python", Pythons(own("3.11.2"), Offered(versions=("3.10.7",))))
    with pytest.raises(PythonMissing, match=r"3\.11\.2\. Cpython-3\.12\.9 does not come\."):
        choose(">=3.12", "requires-python", Pythons(own("3.11.2"), Offered(broken=True)))


def test_a_server_without_python_is_a_clear_error() -> None:
    with pytest.raises(PythonMissing, match="this server has no Python that every user can execute"):
        choose(None, "", Pythons())


ELEVEN = own("3.11.2")


@pytest.mark.parametrize(
    ("wish", "downloads", "wanted"),
    [
        (plan(">=3.12", "requires-python"), Offered(), "3.12.9"),
        (plan("==3.12.4", "requires-python"), Offered(), "3.12.4"),
        (plan("<3.11", "requires-python"), Offered(), "3.10.7"),
        (plan(">=3.9", "requires-python"), Offered(), "3.11.2"),
        (plan(">=3.9", "requires-python", rather="3.13"), Offered(), "3.13.5"),
        (plan(">=3.9,<3.13", "requires-python", rather="3.13"), Offered(), "3.12.9"),
        (plan("3.12.1"), Offered(), "3.12.9"),
        (plan("3.13"), Offered(there=("3.13.1",)), "3.13.1"),
        (plan("3.12.1"), Offered(broken=True), "3.11.2"),
        (plan("3.12.1"), Offered(allowed=False), "3.11.2"),
        (plan(None), Offered(there=("3.13.1",)), "3.11.2"),
        (plan(None, django="==3.2.25"), Offered(), "3.10.7"),
        (plan(None, django="==3.2.25"), Offered(broken=True), "3.11.2"),
        (plan(None, django=">=6"), Offered(), "3.12.9"),
        (plan(None, django=">=4.2"), Offered(), "3.11.2"),
        (plan(None, django="==1.8.19"), Offered(), "3.11.2"),
        (plan("3.11", django="==6.0.1"), Offered(), "3.12.9"),
        (plan("3.13", django="==3.2.25"), Offered(), "3.13.5"),
    ],
)
def test_what_the_server_lacks_is_fetched(wish: Plan, downloads: Offered, wanted: str) -> None:
    assert choose_interpreter(wish, Pythons(ELEVEN, downloads)).interpreter.full == wanted


def test_the_operator_sets_the_python_of_projects_that_name_none() -> None:
    def full(wish: Plan) -> str:
        return choose_interpreter(wish, Pythons(ELEVEN, Offered(), "3.13")).interpreter.full

    assert full(plan(None)) == "3.13.5"
    assert full(plan("3.12")) == "3.12.9"
    assert full(plan("<3.13", "requires-python")) == "3.12.9"


def told(wish: Plan, downloads: Offered | None = None) -> Choice:
    return choose_interpreter(wish, Pythons(ELEVEN, downloads or Offered()))


def test_what_was_chosen_and_why_is_told() -> None:
    assert told(plan(">=3.12", "requires-python")).told() == "Python 3.12.9: requires >=3.12 (pyproject.toml:4)"
    assert told(plan("3.12")).told() == "Python 3.12.9: prefers 3.12 (runtime.txt:1)"
    assert told(plan(None)).told() == "Python 3.11.2: the project names none"


@pytest.mark.parametrize(
    ("wish", "downloads", "warning"),
    [
        (
            plan("3.12.1"),
            Offered(allowed=False),
            (
                "The project prefers Python 3.12.1 (runtime.txt:1); 3.11.2 was used, the nearest that can be had. "
                "This server has 3.11.2. No other is fetched here: DZ_PYTHON_DOWNLOADS is never."
            ),
        ),
        (
            plan("3.8"),
            Offered(versions=("3.9.25",)),
            (
                "The project prefers Python 3.8 (runtime.txt:1); 3.9.25 was used, the nearest that can be had. "
                "Sites run on Python 3.9 to 3.14."
            ),
        ),
        (
            plan("<3.13", "requires-python", rather="3.14"),
            Offered(),
            (
                "The project prefers Python 3.14 (Dockerfile:1); 3.12.9 was used, the nearest that can be had. "
                "The project requires Python <3.13 (pyproject.toml:4)."
            ),
        ),
        (
            plan(None, django="==3.2.25"),
            Offered(versions=()),
            (
                "Django ==3.2.25 is not made for Python 3.11.2, which was used. This server has 3.11.2. "
                "No download is on offer."
            ),
        ),
    ],
)
def test_a_preference_that_is_not_met_is_told_with_the_reason(wish: Plan, downloads: Offered, warning: str) -> None:
    assert told(wish, downloads).warnings == (warning,)


@pytest.mark.parametrize(
    ("constraint", "expected"),
    [
        (">=3.11", "3.12.4"),
        ("^3.10", "3.12.4"),
        ("~3.11", "3.11.2"),
        ("^3.9,<3.12", "3.11.2"),
        ("3.11", "3.11.2"),
        ("3.11.*", "3.11.2"),
        ("~2.7 || ^3.6", "3.12.4"),
        ("~=3.11", "3.12.4"),
        ("3", "3.12.4"),
        ("~3.9", None),
        ("^4.0", None),
    ],
)
def test_constraints_of_pep_440_and_of_poetry_choose_the_newest_python_that_fits(
    constraint: str, expected: str | None
) -> None:
    pythons, wish = Pythons(own("3.12.4", "3.11.2")), plan(constraint, "requires-python")
    if expected is None:
        with pytest.raises((NoMatchingPython, PythonMissing)):
            choose_interpreter(wish, pythons)
    else:
        assert choose_interpreter(wish, pythons).interpreter.full == expected
