import datetime as dt
import unicodedata

from hypothesis import given
from hypothesis import strategies as st

from dz.tasklib.jobs.log import LogLine, printable, step_seconds, warnings


def line(kind: str, step: str, message: str = "") -> LogLine:
    return LogLine(1, dt.datetime.now(dt.UTC), kind, step, message)


def test_a_step_on_several_servers_takes_as_long_as_on_the_slowest() -> None:
    found = [line("step_end", "boot", "1.50"), line("step_end", "boot", "2.25"), line("step_end", "boot", "0.10")]
    assert step_seconds([*found, line("step_begin", "check"), line("info", "boot", "9.0")]) == {"boot": 2.25}


def test_each_warning_is_told_once() -> None:
    found = [line("warn", "", "old"), line("info", "", "fine"), line("warn", "", "gone"), line("warn", "", "old")]
    assert warnings(found) == ["old", "gone"]


@given(st.text())
def test_only_control_characters_are_dropped(text: str) -> None:
    kept = printable(text)
    assert {c for c in kept if unicodedata.category(c) == "Cc"} <= {"\n", "\t"}
    assert [c for c in text if unicodedata.category(c) != "Cc"] == [c for c in kept if c not in "\n\t"]
