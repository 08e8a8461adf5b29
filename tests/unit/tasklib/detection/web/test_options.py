"""The options of web servers, in the spellings that each takes."""

import pytest

from dz.tasklib.configuration import keys
from dz.tasklib.detection.web.options import SERVERS, read


@pytest.mark.parametrize("words", ["-w 3", "-w3", "-w=3", "--workers 3", "--workers=3"])
def test_a_value_is_read_however_it_is_attached(words: str) -> None:
    (option,) = read(SERVERS["gunicorn"], ["shop.wsgi", *words.split()], "Procfile:1")
    assert (option.meaning, option.value, option.basis) == ("workers", "3", "Procfile:1")


def test_flags_unknown_options_and_the_order_are_kept() -> None:
    found = read(SERVERS["gunicorn"], ["--preload", "-t", "5", "x:app", "-t", "6", "--statsd-prefix=a"], "x")
    assert [(one.name, one.value) for one in found] == [
        ("--preload", ""),
        ("-t", "5"),
        ("-t", "6"),
        ("--statsd-prefix", "a"),
    ]


def test_a_command_line_that_the_server_would_refuse_says_nothing() -> None:
    assert list(read(SERVERS["gunicorn"], ["--workers"], "x")) == []


def test_options_become_keys_that_there_are() -> None:
    assert {key for server in SERVERS.values() for key in server.keys.values()} <= keys.KEYS.keys()
