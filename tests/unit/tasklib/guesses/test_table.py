"""The table of guesses: it fits where Prefect's UI shows it, and text of strangers stays text."""

from dz.tasklib.detection import Guess, Inspection
from dz.tasklib.guesses.table import BASIS, VALUE, markdown, next_step

WIDTH = 95
"""Letters of four columns that Prefect's UI shows in a window 1,280 pixels wide."""


def _shown(*guesses: Guess) -> str:
    return markdown(Inspection(is_django=True, guesses=guesses), "")


def test_the_table_shows_rejected_candidates_and_the_next_step_first() -> None:
    guesses = (
        Guess("settings_module", "a.settings", "manage.py:3", proof="proved", happened="it loads"),
        Guess("settings_module", "a.dev", "wsgi.py:3", is_primary=False),
    )
    text = markdown(Inspection(is_django=True, guesses=guesses, ambiguous=True), "Run dz launch.")
    assert text.startswith("Run dz launch.\n\n**Several answers are equally likely")
    assert "| settings module | `a.settings` | proved | manage.py:3 |\n| or | `a.dev` | read | wsgi.py:3 |" in text
    assert "- settings module `a.settings`: it loads" in text


def test_proof_and_place_are_seen_however_long_a_value_is() -> None:
    files = ["requirements/production-and-staging-servers.txt", "requirements/base.txt"]
    place = "a/rather/deep/folder/of/a/project/config/settings/base.py:41"
    text = _shown(Guess("dependency_files", files, place, proof="conflicting"), Guess("wsgi", "x" * 90, place))
    rows = [line for line in text.splitlines() if line.startswith("|")]
    assert len(rows) == 5
    assert all(len(row.replace("|", "").replace("`", "").replace("  ", " ")) <= WIDTH for row in rows), rows
    assert f"`requirements/production-and…` | conflicting | …{place[1 - BASIS :]} |" in text
    assert f"| `{'x' * (VALUE - 1)}…` |" in text
    assert f"- wsgi `{'x' * 90}`" in text  # whole, below


def test_variables_and_data_are_told_apart_from_guesses() -> None:
    variable = {"name": "PAYMENT_KEY", "supply": "ask", "required": True, "is_secret": True}
    risk = {"found": "uploads lie beside the code", "choice": "They are moved.", "safe": False}
    text = _shown(
        Guess("environment", variable, "settings.py:9"),
        Guess("env_required", "PAYMENT_KEY", "settings.py:9", proof="proved"),
        Guess("env_required", "OTHER", "the proof", proof="proved"),
        Guess("risk", risk, "settings.py:3"),
    )
    assert "| `PAYMENT_KEY` | you must give it, secret | proved | settings.py:9 |" in text
    assert "| `OTHER` | required | proved | the proof |" in text
    assert "**Data**\n\n- CAN BE LOST: uploads lie beside the code. They are moved. (settings.py:3)" in text


def test_a_value_cannot_leave_its_cell() -> None:
    row = next(
        line
        for line in _shown(Guess("settings_module", "a`|\n<script>", "x|y\n:1")).splitlines()
        if "script" in line and line.startswith("|")
    )
    assert row == "| settings module | `a'/&lt;script>` | read | x/y:1 |"


def test_text_of_a_repository_becomes_no_link_and_no_image() -> None:
    shown = _shown(
        Guess("wsgi", "a", "![x](//a.b/seen.png)", happened="[here](javascript:alert(1)) [y]: //example.org"),
        Guess("environment", {"name": "[x](//a.b)", "supply": "ask", "note": "[x](//a.b)"}, "![x](//a.b)"),
    )
    assert "](" not in shown
    assert "]:" not in shown
    assert "](//" not in next_step("dz launch https://example.org/[x](//a.b)", None)


def test_the_next_step_is_a_link_where_there_is_a_ui() -> None:
    assert next_step("dz launch --check 3", None) == "At a terminal: `dz launch --check 3`"
    assert next_step("dz launch --check 3", "http://u/r?x=%7B").startswith(
        "**[Go on to the form that holds these guesses](h"
    )


def test_no_django_says_why() -> None:
    assert "it is a library" in markdown(Inspection(is_django=False, reason="it is a library"), "Give another URL.")
