"""One candidate, installed and loaded: what happens to it, and what the guesses say then."""

from tests import PROJECTS
from tests.integration.tasklib.proof.proving import Prove, primary


def test_a_broken_wsgi_module_is_conflicting_although_the_checks_pass(prove: Prove) -> None:
    made, found = prove("wsgi_broken")
    assert (made.outcome, made.attempts[0].stage) == ("conflicting", "application")
    assert "site1/wsgi.py:4" in primary(found, "wsgi").happened
    assert "whitenoise" in primary(found, "wsgi").happened
    assert primary(found, "wsgi").proof == "conflicting"
    assert primary(found, "settings_module").proof == "read"


def test_a_missing_attribute_of_the_wsgi_module_is_conflicting(prove: Prove) -> None:
    wsgi = (PROJECTS / "sqlite_single/mysite/wsgi.py").read_text() + "del globals()['application']\n"
    made, found = prove("sqlite_single", files={"mysite/wsgi.py": wsgi})
    assert made.outcome == "conflicting"
    assert "has no attribute 'application'" in primary(found, "wsgi").happened


def test_a_missing_middleware_is_the_settings_fault(prove: Prove) -> None:
    made, found = prove("middleware_missing")
    assert (made.outcome, made.attempts[0].stage) == ("conflicting", "handler")
    assert primary(found, "settings_module").proof == "conflicting"
    assert primary(found, "wsgi").proof == "read"


def test_an_empty_secret_key_is_filled_by_the_platform_and_that_is_said(prove: Prove) -> None:
    made, _ = prove("empty_secret_key")
    assert (made.outcome, made.attempts[0].status) == ("proved", 200)
    assert "no secret key of its own" in made.happened


def test_variables_that_it_fails_without_are_found_and_stood_in_for_by_kind(prove: Prove) -> None:
    files = {"site1/urls.py": (PROJECTS / "needs_variables/site1/urls.py").read_text()}
    files["site1/urls.py"] += "import os, json\nRATES = json.loads(globals()['os'].environ['RA' + 'TES'])\n"
    made, found = prove("needs_variables", files=files)
    assert made.outcome == "proved"
    assert made.attempts[0].stood_in == ("PAGE_LENGTH", "PAYMENT_TOKEN", "RATES")
    assert "with stand-ins for" in made.happened
    required = {guess.value: guess.proof for guess in found.guesses if guess.field == "env_required"}
    assert required == {"PAYMENT_TOKEN": "proved", "PAGE_LENGTH": "read", "RATES": "proved"}
    assert "RATES" in found.env_required


def test_the_owners_variables_are_used_and_never_shown(prove: Prove) -> None:
    files = {"site1/urls.py": "import os\nraise RuntimeError('I have ' + os.environ['PAYMENT_TOKEN'])\n"}
    values = {"PAYMENT_TOKEN": "the-owners-secret-value", "PAGE_LENGTH": "10"}
    made, found = prove("needs_variables", files=files, **values)
    assert made.outcome == "conflicting"
    assert "RuntimeError" in made.happened
    assert "I have [hidden]" in made.happened
    assert values["PAYMENT_TOKEN"] not in str(made.to_json()) + str(found.to_json())


def test_no_part_of_an_owners_value_is_shown_where_a_long_message_is_cut(prove: Prove) -> None:
    files = {"site1/urls.py": "import os\nraise RuntimeError('x' * 190 + os.environ['PAYMENT_TOKEN'])\n"}
    made, found = prove("needs_variables", files=files, PAYMENT_TOKEN="sk-live-" * 30, PAGE_LENGTH="10")
    assert "xxx" in made.happened
    assert "sk-live" not in str(made.to_json()) + str(found.to_json())


def test_an_asgi_only_project_is_called_by_asgi(prove: Prove) -> None:
    made, found = prove("asgi_only")
    assert (made.outcome, made.attempts[0].status) == ("proved", 200), made.happened
    assert primary(found, "asgi").proof == "proved"


def test_a_requirement_that_does_not_exist_is_conflicting(prove: Prove) -> None:
    made, found = prove("sqlite_single", files={"requirements.txt": "django==5.2\nno-such-package-zzqq==1\n"})
    assert (made.outcome, made.attempts[0].stage) == ("conflicting", "install")
    assert primary(found, "dependency_files").proof == "conflicting"
    assert "no-such-package-zzqq" in primary(found, "dependency_files").happened
    assert primary(found, "settings_module").proof == "read"


def test_an_index_that_is_away_leaves_the_guesses_read_and_says_so(prove: Prove) -> None:
    made, found = prove("sqlite_single", index="http://127.0.0.1:9/")
    assert (made.outcome, made.attempts[0].error) == ("read", "ServiceUnavailable")
    assert primary(found, "settings_module").proof == "read"
    assert "index" in primary(found, "dependency_files").happened


def test_a_first_page_that_fails_is_conflicting_with_its_line(prove: Prove) -> None:
    urls = "from django.urls import path\n\ndef page(request):\n    return {}['nothing']\n\nurlpatterns = [path('', page)]\n"
    made, found = prove(
        "wsgi_broken",
        files={"site1/urls.py": urls, "site1/wsgi.py": (PROJECTS / "needs_variables/site1/wsgi.py").read_text()},
    )
    assert (made.outcome, made.attempts[0].stage, made.attempts[0].status) == ("conflicting", "request", 500)
    assert "KeyError at site1/urls.py:4" in made.happened
    assert primary(found, "wsgi").proof == "proved"


def test_a_forged_report_proves_nothing(prove: Prove) -> None:
    code = "import json, os\nopen(os.path.dirname(os.environ['DZ_STATIC_ROOT']) + '/report.json', 'w').write(json.dumps({'ok': True, 'nonce': '0' * 32}))\nos._exit(0)\n"
    made, _ = prove(
        "sqlite_single",
        files={"mysite/settings.py": code + (PROJECTS / "sqlite_single/mysite/settings.py").read_text()},
    )
    assert made.outcome == "conflicting"
    assert "ended its own process" in made.happened
