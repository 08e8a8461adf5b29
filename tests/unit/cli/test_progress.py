import contextlib
import datetime as dt
import io

from hypothesis import example, given, settings
from hypothesis import strategies as st
from rich.console import Console

from dz.cli.progress import Progress, shown
from dz.tasklib.jobs.log import LogLine
from dz.zoomdb.states import LogType

NOON = dt.datetime(2026, 1, 1, 12, tzinfo=dt.UTC)


def line(kind: LogType, step: str = "", message: str = "") -> LogLine:
    return LogLine(1, NOON, kind, step, message)


def picture(progress: Progress, now: float) -> str:
    console = Console(file=io.StringIO(), width=80)
    console.print(progress.render(now))
    return console.file.getvalue()  # type: ignore[attr-defined]


def test_a_running_step_shows_its_elapsed_time_and_the_last_lines_of_the_log() -> None:
    progress = Progress()
    progress.feed([line(LogType.STEP_BEGIN, "install dependencies")], now=100.0)
    progress.feed([line(LogType.INFO, message=f"package {n}") for n in range(9)], now=101.0)

    text = picture(progress, now=112.4)

    assert "install dependencies 12 s" in text
    assert "package 8" in text
    assert "package 1" not in text


def test_an_ended_step_shows_how_long_it_took_by_its_own_server() -> None:
    progress = Progress()
    progress.feed([line(LogType.STEP_BEGIN, "check out code"), line(LogType.STEP_END, "check out code", "1.26")], 0.0)
    assert "+ check out code 1.3 s" in picture(progress, now=50.0)


def test_a_step_of_two_servers_runs_until_both_have_ended() -> None:
    progress = Progress()
    progress.feed([line(LogType.STEP_BEGIN, "proxy")] * 2 + [line(LogType.STEP_END, "proxy", "1.00")], 0.0)
    assert "proxy 7 s" in picture(progress, now=7.0)
    progress.feed([line(LogType.STEP_END, "proxy", "3.00")], 8.0)
    assert "+ proxy 3.0 s" in picture(progress, now=9.0)


def test_a_failed_step_is_marked() -> None:
    progress = Progress()
    progress.feed([line(LogType.STEP_BEGIN, "verify"), line(LogType.ERROR, "verify", "No module named 'x'")], 0.0)
    text = picture(progress, now=1.0)
    assert "x verify failed" in text
    assert "No module named 'x'" in text


def test_without_a_terminal_every_event_is_a_plain_line() -> None:
    console = Console(file=io.StringIO(), markup=False, highlight=False, force_terminal=False, width=80)
    with shown("job 7", console) as feed:
        feed([line(LogType.STEP_BEGIN, "verify"), line(LogType.WARN, message="[bold] old Django")])
        feed([line(LogType.STEP_END, "verify", "2.00")])

    text = console.file.getvalue()  # type: ignore[attr-defined]
    assert text.splitlines() == [
        "job 7",
        "  begun   verify",
        "  warning [bold] old Django",
        "  done    verify  2.0 s",
    ]


def test_on_a_terminal_the_picture_is_drawn_in_place() -> None:
    console = Console(file=io.StringIO(), force_terminal=True, width=80)
    with shown("job 7", console) as feed:
        feed([line(LogType.STEP_BEGIN, "verify"), line(LogType.STEP_END, "verify", "2.00")])
    assert "verify" in console.file.getvalue()  # type: ignore[attr-defined]


def test_on_a_terminal_warnings_stay_when_the_job_is_over_even_if_it_failed() -> None:
    console = Console(file=io.StringIO(), force_terminal=True, width=80)
    with contextlib.suppress(KeyboardInterrupt), shown("job 7", console) as feed:
        feed([line(LogType.WARN, message="notes has no migrations"), line(LogType.INFO, message="Django loads")])
        raise KeyboardInterrupt
    written = console.file.getvalue()  # type: ignore[attr-defined]
    assert written.count("Warning: notes has no migrations") == 1


@settings(max_examples=60, deadline=None)
@given(st.text(), st.text(max_size=30))
@example("", "0\x1b")
def test_no_log_line_can_steer_the_terminal_or_break_the_picture(message: str, step: str) -> None:
    progress = Progress()
    progress.feed([line(LogType.STEP_BEGIN, step), line(LogType.INFO, message=message)], 0.0)
    assert "\x1b" not in picture(progress, now=1.0)
