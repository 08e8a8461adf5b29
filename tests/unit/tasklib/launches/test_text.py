"""The words around the verification form, whole."""

from pathlib import Path

from dz.adapters.python_downloads import Pythons
from dz.tasklib.detection import Guess, Inspection, Risk
from dz.tasklib.launches import text
from dz.tasklib.launches.findings import Findings
from dz.tasklib.projects import ProjectView
from dz.tasklib.variables.missing import MissingVariable

PROJECT = ProjectView(1, "shop", "p00000001", "Shop", "https://example.org/shop.git", None, None)
GUESSES = (
    Guess("settings_module", "shop.settings", "manage.py:9", proof="proved", happened="it loads"),
    Guess("settings_module", "shop.dev", "shop/dev.py:1", is_primary=False),
    Guess("environment", {"name": "TOKEN", "supply": "ask"}, "shop/settings.py:3"),
)


def findings(inspection: Inspection, *wanted: MissingVariable, guesses: tuple[Guess, ...] = GUESSES) -> Findings:
    return Findings(
        inspection=inspection,
        guesses=guesses,
        root=Path("/checkout"),
        url="https://example.org/shop.git",
        commit="c0ffee" * 6,
        config=None,
        stored=None,
        pythons=Pythons(),
        project=PROJECT,
        wanted=wanted,
    )


def test_what_a_person_must_see_comes_in_the_order_of_its_weight() -> None:
    risks = (
        Risk("sqlite", "SQLite is used", "a.py:1", "PostgreSQL is used instead.", safe=True),
        Risk("written_files", "Files are written", "a.py:2", "Choose a storage.", safe=False),
    )
    found = findings(
        Inspection(is_django=True, ambiguous=True, risks=risks, warnings=("One warning.",)),
        MissingVariable("TOKEN", "a.py:3", secret=True),
        MissingVariable("SALT", "a.py:4", secret=True, random=True),
        MissingVariable("PAGES", "a.py:5", secret=False),
    )
    assert text.summary(found, ["wsgi: there is no module 'x'."]) == (
        "### This cannot be deployed yet\n\n- wsgi: there is no module 'x'.\n\n"
        "Commit `c0ffeec0ffee` of https://example.org/shop.git. "
        "**Correct what is wrong, then submit: the site is built and goes live with exactly these values.** "
        "What you type here is stored in clear: no secrets.\n\n"
        "**Several answers are equally likely: look at the project root and the settings module.**\n\n"
        "**Data that a deploy could lose**\n\n- Files are written (a.py:2). Choose a storage.\n\n"
        "**Secrets to set before you submit**, at a terminal, stored encrypted: `TOKEN (a.py:3)`. "
        "`dz variables shop --ask TOKEN`\n\n"
        "A random secret is made for: `SALT (a.py:4)`.\n\n"
        "**Kept by DjangoZoom**\n\n- SQLite is used (a.py:1). PostgreSQL is used instead.\n\n"
        "**Warnings**\n\n- One warning."
    )


def test_a_plain_project_is_described_by_its_commit_and_the_table_alone() -> None:
    shown = text.description(findings(Inspection(is_django=True)), [])
    paragraphs = shown.split("\n\n")
    assert len(paragraphs) == 2
    assert paragraphs[0].startswith("Commit `c0ffeec0ffee` of ")
    assert paragraphs[1] == (
        "| field | value | read from | proof | what happened |\n"
        "| --- | --- | --- | --- | --- |\n"
        "| settings_module | `shop.settings` | manage.py:9 | proved | it loads |\n"
        "| settings_module | `shop.dev` | shop/dev.py:1 | other candidate |  |"
    )


def test_each_field_says_what_is_wrong_where_it_was_read_and_what_else_there_was() -> None:
    hints = text.hints(findings(Inspection(is_django=True)), ["django_settings_module: there is no module 'x'."])
    assert hints["django_settings_module"] == (
        "**django_settings_module: there is no module 'x'.** "
        "Read from manage.py:9 (proved: it loads). Other candidates: `shop.dev` (shop/dev.py:1, read)."
    )
    assert hints["wsgi"] == ""
    assert hints["project"].startswith("### This cannot be deployed yet")


def test_text_of_a_repository_does_not_become_markup_of_the_form() -> None:
    mean = Guess("wsgi", "a`|<script>", "[x](javascript:alert(1))", happened="![x](//example.org/seen.png)")
    found = findings(
        Inspection(is_django=True, warnings=("<img src=x>",)),
        MissingVariable("A`B", "[x](//example.org)", secret=True),
        guesses=(mean,),
    )
    shown = text.description(found, ["<b>"]) + "".join(text.hints(found, ["wsgi: <b>"]).values())
    assert "](" not in shown
    assert not [tag for tag in ("<script", "<img", "<b>") if tag in shown]
