"""Translations of which only the sources are committed are compiled; what a project says it compiled is not trusted."""

import base64
import gettext
import io
import json

from dz.tasklib.verification import catalogs
from tests.integration.django_projects import make_project

GERMAN = """
msgid ""
msgstr ""
"Content-Type: text/plain; charset=UTF-8\\n"
"Plural-Forms: nplurals=2; plural=(n != 1);\\n"

msgid "Welcome to our shop"
msgstr "Willkommen in unserem Läden"

#, fuzzy
msgid "Good bye"
msgstr "Guten Tag"

msgctxt "month"
msgid "May"
msgstr "Mai"

msgid "%(n)d thing"
msgid_plural "%(n)d things"
msgstr[0] "%(n)d Ding"
msgstr[1] "%(n)d Dinge"
"""
SETTINGS = "LOCALE_PATHS = [BASE_DIR / 'locale']\nINSTALLED_APPS += ['shop']\n"


def test_each_source_without_its_compiled_form_is_compiled_and_one_that_is_wrong_is_named(check, open_folder):
    checkout = make_project(
        open_folder / "src",
        SETTINGS,
        **{
            "site1/locale/de/LC_MESSAGES/django.po": GERMAN,
            "shop/locale/fr/LC_MESSAGES/django.po": '<<<<<<< HEAD\nmsgid "a"\nmsgstr "b"\n',
            "shop/locale/it/LC_MESSAGES/django.po": GERMAN,
            "shop/locale/it/LC_MESSAGES/django.mo": "committed",
            "aside/locale/de/LC_MESSAGES/django.po": GERMAN,
        },
    )
    found = check(checkout)
    assert list(found.catalogs) == ["site1/locale/de/LC_MESSAGES/django.mo"]
    german = gettext.GNUTranslations(io.BytesIO(found.catalogs["site1/locale/de/LC_MESSAGES/django.mo"]))
    assert german.gettext("Welcome to our shop") == "Willkommen in unserem Läden"
    assert german.gettext("Good bye") == "Good bye", "a fuzzy entry is no translation"
    assert german.pgettext("month", "May") == "Mai"
    assert german.ngettext("%(n)d thing", "%(n)d things", 2) == "%(n)d Dinge"
    (warning,) = [one for one in found.warnings if ".po" in one]
    assert warning.startswith(
        "shop/locale/fr/LC_MESSAGES/django.po could not be compiled, so its translations are not shown: "
    )
    assert str(open_folder) not in warning


def test_only_files_beside_a_source_of_the_checkout_are_taken(tmp_path):
    root = tmp_path / "checkout"
    for folder in ("locale", "outside"):
        (root / folder).mkdir(parents=True)
    (root / "locale/django.po").touch()
    (root / "locale/other.po").touch()
    (root / "locale/other.mo").touch()
    (root / "outside/django.po").touch()
    (root / "link").symlink_to("outside")
    content = base64.b64encode(b"x").decode()
    names = ["locale/django.mo", "locale/other.mo", "locale/none.mo", "locale/django.po", "link/django.mo"]
    names += ["../checkout/locale/django.mo", str(root / "locale/django.mo"), "locale/dja\0ngo.mo", "."]
    (tmp_path / "catalogs.json").write_text(
        json.dumps(dict.fromkeys(names, content) | {"outside/django.mo": "no base64"})
    )
    assert catalogs.compiled(tmp_path, root) == {"locale/django.mo": b"x"}
    assert catalogs.compiled(tmp_path / "none", root) == {}


def test_the_compiler_is_one_module(tmp_path):
    catalogs.lend_compiler(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["polib.py"]
