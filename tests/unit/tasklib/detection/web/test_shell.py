"""Start commands, split and filled in as a shell would."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dz.tasklib.detection.web import shell


def words(text: str, **known: str) -> list[list[str]]:
    return [found for _, _, found in shell.commands(text, known)]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("a b && c 'd e' | f; g", [["a", "b"], ["c", "d e"], ["f"], ["g"]]),
        ("if x; then\n  a \\\n   b # c\nfi", [["x"], ["a", "b"], ["fi"]]),
        ("a > b 2>&1 c < d", [["a", "2", "c"]]),
        ("N=3\na $N ${N} ${M:-4} ${M-5} '$' \"${N}x\"", [["a", "3", "3", "4", "5", "$", "3x"]]),
        ("export N=3\nN=4 a $N", [["a", "3"]]),
        ("a 'b", [["a", "'b"]]),
    ],
)
def test_a_script_is_split_into_simple_commands(text: str, found: list[list[str]]) -> None:
    assert words(text) == found


def test_variables_of_a_command_are_its_own_and_those_of_the_script_last() -> None:
    found = list(shell.commands("A=1 x\nB=2\ny\n", {"C": "3"}))
    assert found == [(1, {"C": "3", "A": "1"}, ["x"]), (3, {"C": "3", "B": "2"}, ["y"])]


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("$X", "X"),
        ("${X}", "X"),
        ("$(nproc --all)", "$(nproc --all)"),
        ("$((2 * $(nproc) + 1))", "$((2 * $(nproc) + 1))"),
    ],
)
def test_what_only_a_running_shell_knows_stays_one_word_with_its_reason(text: str, reason: str) -> None:
    ((_, word),) = words(f"a {text}")
    assert shell.unknown(word) == reason
    assert shell.unknown("3") is None


@given(st.text(max_size=80))
def test_no_text_does_harm(text: str) -> None:
    words(text, A="b")


def test_a_script_that_doubles_a_variable_in_every_line_stays_small() -> None:
    ((_, variables, _),) = shell.commands("A=xxxxxxxx\n" + "A=$A$A\n" * 500 + "a\n", {})
    assert len(variables["A"]) < 20_000
