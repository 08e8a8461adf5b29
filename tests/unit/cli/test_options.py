import pytest
import typer
from hypothesis import given
from hypothesis import strategies as st

from dz.cli import options
from dz.errors import InvalidName


@given(
    st.from_regex(r"MY_[A-Z0-9]{1,9}", fullmatch=True),
    st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=40),
)
def test_all_after_the_first_equals_sign_is_the_value(name: str, value: str) -> None:
    assert options.given_variables([f"{name}={value}"]) == {name: value}


def test_no_variables_are_none_and_the_last_of_a_name_counts() -> None:
    assert options.given_variables(None) == {}
    assert options.given_variables(["A=1", "B=", "A=2=3"]) == {"A": "2=3", "B": ""}


def test_a_word_without_a_value_is_a_mistake_of_the_command_line() -> None:
    with pytest.raises(typer.BadParameter, match="write NAME=VALUE"):
        options.given_variables(["NAME"])


def test_a_variable_that_steers_the_platform_is_refused() -> None:
    with pytest.raises(InvalidName):
        options.given_variables(["FINE=1", "LD_PRELOAD=x"])
