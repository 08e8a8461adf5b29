"""Values that people give: whole, byte for byte, or not at all."""

import io
import os
import pty
import sys
import termios
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest
import typer

from dz.cli import options, typed
from dz.errors import InvalidName, MissingEnvironment

KEY = "-----BEGIN KEY-----\n$HOME %s # no comment\n'one' \"two\" \\n é…\n-----END KEY-----"
WHOLE = [
    KEY,
    "one",
    " spaces ",
    "\n\nlines before",
    "windows\r\nlines\r\nhere",
    "x" * 32768,
    "\ufeffmark",
    "a\tb",
    "",
]


@pytest.fixture
def stdin(monkeypatch: pytest.MonkeyPatch) -> Callable[[bytes], None]:
    def given(data: bytes) -> None:
        monkeypatch.setattr("sys.stdin", SimpleNamespace(isatty=lambda: False, buffer=io.BytesIO(data)))

    return given


@pytest.mark.parametrize("text", [text for text in WHOLE if text])
@pytest.mark.parametrize("end", ["", "\n"])
def test_a_pipe_is_the_whole_value_of_one_variable_but_for_one_newline_at_its_end(stdin, text: str, end: str) -> None:
    stdin((text + end).encode())
    assert typed.hidden(["KEY"]) == {"KEY": text}


@pytest.mark.parametrize("text", WHOLE)
@pytest.mark.parametrize("end", ["", "\n"])
def test_a_file_is_the_whole_value_but_for_one_newline_at_its_end(tmp_path: Path, text: str, end: str) -> None:
    (tmp_path / "value").write_bytes((text + end).encode())
    assert options.given_variables(None, [f"KEY={tmp_path}/value"]) == {"KEY": text}


def test_two_newlines_at_the_end_are_one_and_a_windows_newline_is_one(tmp_path: Path) -> None:
    for given, kept in [(b"a\n\n", "a\n"), (b"a\r\n", "a"), (b"a\r\n\r\n", "a\r\n"), (b"\n", "")]:
        (tmp_path / "value").write_bytes(given)
        assert typed.of_file("KEY", tmp_path / "value") == kept


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"a\0b", "has a NUL character"),
        (b"caf\xe9", r"is not text in UTF-8 \(byte 3\)"),
        (b"x" * 32769, "has more than 32 KiB"),
        ("é".encode() * 16385, "has more than 32 KiB"),
    ],
)
def test_what_cannot_be_a_value_is_refused_whole(stdin, tmp_path: Path, data: bytes, said: str) -> None:
    (tmp_path / "value").write_bytes(data)
    with pytest.raises(InvalidName, match=f"The value of KEY {said}"):
        typed.of_file("KEY", tmp_path / "value")
    stdin(data)
    with pytest.raises(InvalidName, match=f"The value of KEY {said}"):
        typed.hidden(["KEY"])


def test_a_file_that_cannot_be_read_and_an_argument_that_is_no_text_are_named(tmp_path: Path) -> None:
    with pytest.raises(InvalidName, match=f"The value of KEY cannot be read from {tmp_path}/none: No such file"):
        typed.of_file("KEY", tmp_path / "none")
    with pytest.raises(InvalidName, match="is not text in UTF-8"):
        options.given_variables(["KEY=caf\udce9"])
    with pytest.raises(typer.BadParameter, match="write NAME=PATH"):
        options.given_variables(None, ["KEY"])
    with pytest.raises(InvalidName, match="PATH"):
        options.given_variables(None, [f"PATH={tmp_path}/none"])


def test_several_variables_take_a_line_each_and_nothing_is_guessed_where_that_does_not_fit(stdin) -> None:
    stdin(b"one\r\ntwo \n")
    assert typed.hidden(["A", "B"]) == {"A": "one", "B": "two "}
    stdin(b"one\ntwo\nthree\n")
    with pytest.raises(
        MissingEnvironment, match=r"There are 3 lines on stdin for 2 variables: A, B\. Nothing was stored"
    ):
        typed.hidden(["A", "B"])
    stdin(b"")
    with pytest.raises(MissingEnvironment, match="There is no value for A on stdin"):
        typed.hidden(["A"])
    assert typed.hidden([]) == {}


@pytest.fixture
def keyboard(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[bytes], None]]:
    """A terminal at which somebody types as soon as it is asked."""
    ours, theirs = pty.openpty()
    shown = os.fdopen(os.dup(theirs), "w")
    threads = []
    with os.fdopen(theirs, "r", closefd=False) as stream:
        monkeypatch.setattr("sys.stdin", stream)
        monkeypatch.setattr("sys.stderr", shown)

        def type_in(*parts: bytes) -> None:
            def work() -> None:
                deadline = time.monotonic() + 10
                while termios.tcgetattr(theirs)[3] & termios.ICANON and time.monotonic() < deadline:
                    time.sleep(0.01)
                for part in parts:
                    os.write(ours, part)
                    # Until it was read, as a person's next key comes only later.
                    while typed.select.select([theirs], [], [], 0)[0] and time.monotonic() < deadline:
                        time.sleep(0.01)

            threads.append(threading.Thread(target=work))
            threads[-1].start()

        yield type_in
        for thread in threads:
            thread.join()
    shown.close()
    for end in (ours, theirs):
        os.close(end)


@pytest.mark.parametrize("hide", [True, False])
def test_a_paste_is_one_value_whether_or_not_the_terminal_marks_it(keyboard, *, hide: bool) -> None:
    keyboard(b"\x1b[200~" + KEY.encode() + b"\x1b[201~", b"\r")
    assert typed.prompted("KEY", hide=hide) == KEY
    keyboard(KEY.encode() + b"\r")
    assert typed.prompted("KEY", hide=hide) == KEY
    keyboard(KEY.encode() + b"\r\x04")
    assert typed.prompted("KEY", hide=hide) == KEY


def test_a_line_longer_than_a_terminal_keeps_is_not_cut(keyboard) -> None:
    text = "y" * 9000
    keyboard(*[b"\x1b[200~", *[text.encode()[at : at + 1000] for at in range(0, 9000, 1000)], b"\x1b[201~\r"])
    assert typed.prompted("KEY", hide=True) == text


def test_typing_can_be_corrected_and_given_up(keyboard) -> None:
    keyboard("né\x7fx".encode(), b"\r")
    assert typed.prompted("KEY") == "nx"
    keyboard(b"wrong\x15right", b"\r")
    assert typed.prompted("KEY") == "right"
    keyboard(b"\x04")
    with pytest.raises(typer.Abort):
        typed.prompted("KEY")


def test_the_terminal_is_as_it_was(keyboard) -> None:
    before = termios.tcgetattr(sys.stdin.fileno())
    keyboard(b"x\r")
    typed.prompted("KEY")
    assert termios.tcgetattr(sys.stdin.fileno()) == before
