import datetime as dt
import json

from hypothesis import given
from hypothesis import strategies as st

from dz.cli import output


def test_a_table_is_written_whole_however_long_its_cells_are(capsys) -> None:
    output.print_table(("name", "source"), [("shop", "x" * 300), (None, 7)])
    head, first, second = capsys.readouterr().out.splitlines()
    assert head.split() == ["name", "source"]
    assert first.split() == ["shop", "x" * 300]
    assert second.split() == ["7"]


def test_a_text_from_outside_is_no_markup_and_steers_no_terminal(capsys) -> None:
    output.note("[bold]\x1b[2J[/nothing]")
    assert capsys.readouterr().err == "[bold][2J[/nothing]\n"


@given(st.text())
def test_no_text_keeps_a_control_character(text: str) -> None:
    assert not set(output.printable(text)) & {*map(chr, range(32)), *map(chr, range(127, 160))} - {"\n", "\t"}


def test_json_has_times_as_iso_and_paths_as_text(capsys, tmp_path) -> None:
    moment = dt.datetime(2026, 3, 1, 12, 0, tzinfo=dt.UTC)
    output.print_json({"time": moment, "path": tmp_path})
    assert json.loads(capsys.readouterr().out) == {"time": "2026-03-01T12:00:00+00:00", "path": str(tmp_path)}


def test_notes_and_results_do_not_mix(capsys) -> None:
    output.note("for people")
    output.print_table(("a",), [("b",)], stderr=True)
    assert capsys.readouterr().out == ""
