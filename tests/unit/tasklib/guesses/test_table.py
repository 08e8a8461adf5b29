"""The table of guesses: text of strangers stays text."""

from dz.tasklib.detection import Guess, Inspection
from dz.tasklib.guesses.table import markdown


def test_the_table_shows_rejected_candidates_and_the_next_step() -> None:
    guesses = (
        Guess("settings_module", "a.settings", "manage.py:3"),
        Guess("settings_module", "a.dev", "wsgi.py:3", is_primary=False),
    )
    text = markdown(Inspection(is_django=True, guesses=guesses, ambiguous=True), "Run dz deploy.")
    assert "| settings_module | `a.settings` | manage.py:3 | read |  |" in text
    assert "| settings_module | `a.dev` | wsgi.py:3 | other candidate |  |" in text
    assert text.endswith("Run dz deploy.\n")
    assert "choose before deploying" in text


def test_a_value_cannot_leave_its_cell() -> None:
    mean = Guess("settings_module", "a`|\n<script>", "x|y\n:1")
    row = next(
        line for line in markdown(Inspection(is_django=True, guesses=(mean,)), "").splitlines() if "script" in line
    )
    assert row == "| settings_module | `a'/&lt;script>` | x/y:1 | read |  |"


def test_text_of_a_repository_becomes_no_link_and_no_image() -> None:
    mean = Guess("wsgi", "a", "![x](//example.org/seen.png)", happened="[here](javascript:alert(1)) [y]: //example.org")
    shown = markdown(Inspection(is_django=True, guesses=(mean,)), "")
    assert "](" not in shown
    assert "]:" not in shown


def test_no_django_says_why() -> None:
    assert "it is a library" in markdown(Inspection(is_django=False, reason="it is a library"), "Give another URL.")
