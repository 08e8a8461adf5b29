"""Proves guesses about tiny repositories with the real installer and real Django."""

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from dz.adapters import interpreters, users
from dz.adapters.installer import UvInstaller
from dz.adapters.sandbox import Sandbox, UserSandbox
from dz.tasklib import detection
from dz.tasklib.checkouts.checkouts import Checkout
from dz.tasklib.detection import Guess, Inspection
from dz.tasklib.guesses import proved
from dz.tasklib.proof import proof, rooms
from dz.tasklib.proof.attempts import Prover
from dz.tasklib.proof.proof import Proof
from tests import PROJECTS

USER = "nobody" if os.geteuid() == 0 else None
Prove = Callable[..., tuple[Proof, Inspection]]


@pytest.fixture(scope="module")
def server() -> Iterator[Path]:
    """Not pytest's own folder: that one is closed to other users."""
    folder = Path(tempfile.mkdtemp(prefix="dz-proofs-", dir="/tmp"))
    folder.chmod(0o755)
    yield folder
    shutil.rmtree(folder)


def sandbox_of(name: str, home: Path) -> Sandbox:
    return UserSandbox(USER, users.owned(home, USER))


@pytest.fixture
def prove(server: Path) -> Prove:
    """Prove a project of tests/projects, with files put over it; all share one cache of the installer."""

    def run(name: str, /, index: str | None = None, files: dict[str, str] | None = None, **variables: str):  # type: ignore[no-untyped-def]
        tree = Path(tempfile.mkdtemp(prefix="tree-", dir=server))
        tree.chmod(0o755)
        shutil.copytree(PROJECTS / name, tree, dirs_exist_ok=True, ignore=shutil.ignore_patterns("__pycache__"))
        for path, text in (files or {}).items():
            (tree / path).parent.mkdir(parents=True, exist_ok=True)
            (tree / path).write_text(text)
        checkout = Checkout(tree, "https://example.org/site.git", None, "0" * 40, "x", "p00000001")
        found = detection.inspect(tree)
        with rooms.room(server / "proofs", "k" if index is None else "other", sandbox_of) as room:
            prover = Prover(room, interpreters.available(), UvInstaller(index), variables)
            made = proof.prove(found, checkout, prover)
        return made, proved.merged(found, made)

    return run


def primary(found: Inspection, field: str) -> Guess:
    return next(guess for guess in found.guesses if guess.field == field and guess.is_primary)


def test_a_project_whose_first_page_reads_the_database_is_proved_and_that_is_said(prove: Prove, server: Path) -> None:
    made, found = prove("sqlite_single")
    assert made.outcome == "proved"
    assert "reads the database" in made.happened
    settings = primary(found, "settings_module")
    assert (settings.proof, settings.happened) == ("proved", made.happened)
    assert primary(found, "wsgi").proof == "proved"
    assert primary(found, "dependency_files").proof == "proved"
    assert primary(found, "django_version").happened.startswith("Django 5.2.")
    assert primary(found, "database").proof == "proved"
    assert not list((server / "proofs").glob("proof-*/.new-*")), "the environment is thrown away"
    assert (server / "proofs" / "caches" / "k").is_dir(), "the cache is kept"


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


def test_two_projects_that_both_load_conflict_and_both_are_shown(prove: Prove) -> None:
    made, found = prove("two_candidates")
    assert made.outcome == "conflicting"
    assert {attempt.settings_module: attempt.outcome for attempt in made.attempts} == {
        "blogsite.settings": "proved",
        "storesite.settings": "proved",
    }
    assert found.ambiguous


def test_of_two_projects_the_only_one_that_loads_is_taken(prove: Prove) -> None:
    made, found = prove(
        "two_candidates",
        files={
            "blog/blogsite/settings.py": "import nothing_like_it\n"
            + (PROJECTS / "two_candidates/blog/blogsite/settings.py").read_text()
        },
    )
    assert made.outcome == "proved"
    assert (found.settings_module, found.project_root, found.wsgi) == (
        "storesite.settings",
        "store",
        "storesite.wsgi:application",
    )
    assert not found.ambiguous
    assert primary(found, "settings_module").value == "storesite.settings"
    other = next(g for g in found.guesses if g.value == "blogsite.settings")
    assert (other.is_primary, other.proof) == (False, "conflicting")
    assert "nothing_like_it" in other.happened


def test_settings_for_development_never_take_the_place_of_broken_production_settings(prove: Prove) -> None:
    own = (
        (PROJECTS / "sqlite_single/mysite/settings.py")
        .read_text()
        .replace("__file__).resolve()", "__file__).resolve().parent")
    )
    files = {
        "mysite/settings/__init__.py": "",
        "mysite/settings/dev.py": own,
        "mysite/settings/production.py": "import gone\n" + own,
    }
    tree = {
        "mysite/wsgi.py": (PROJECTS / "sqlite_single/mysite/wsgi.py")
        .read_text()
        .replace("mysite.settings", "mysite.settings.production")
    }
    made, found = prove("sqlite_single", files={**files, **tree, "mysite/settings.py": ""})
    assert made.outcome == "conflicting"
    assert found.settings_module == "mysite.settings.production"
    assert {attempt.settings_module for attempt in made.attempts if attempt.outcome == "proved"} == {
        "mysite.settings.dev"
    }
    assert "mysite.settings.dev loads" in made.happened


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


_KILLED = """
import sys, time
from pathlib import Path
from dz.adapters import users
from dz.adapters.sandbox import UserSandbox
from dz.tasklib.guesses import proved
from dz.tasklib.proof import rooms
with rooms.room(Path(sys.argv[1]), "killed", lambda name, home: UserSandbox(None, users.owned(home, None))) as room:
    (room.path / "envs").mkdir()
    print(room.path, flush=True)
    time.sleep(600)
"""


def test_the_next_proof_removes_what_a_killed_one_left_and_nothing_of_a_living_one(server: Path) -> None:
    folder = server / "killed"
    runs = [
        subprocess.Popen([sys.executable, "-c", _KILLED, str(folder)], stdout=subprocess.PIPE, text=True)
        for _ in range(2)
    ]
    dead, alive = (Path(run.stdout.readline().strip()) for run in runs if run.stdout)
    try:
        runs[0].send_signal(signal.SIGKILL)
        runs[0].wait()
        assert dead.is_dir()
        assert dead.parent != alive.parent, "two proofs at a time have a room each"
        with rooms.room(folder, "next", sandbox_of) as room:
            assert not dead.exists()
            assert alive.is_dir()
        assert not room.path.exists()
    finally:
        for run in runs:
            run.kill()
            run.wait()


def test_a_proof_waits_while_all_rooms_are_taken(server: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rooms, "ROOMS", 1)
    run = subprocess.Popen([sys.executable, "-c", _KILLED, str(server / "full")], stdout=subprocess.PIPE, text=True)
    assert run.stdout
    taken = Path(run.stdout.readline().strip())
    threading.Timer(1, run.kill).start()
    begun = time.monotonic()
    with rooms.room(server / "full", "a", sandbox_of):
        assert time.monotonic() - begun > 0.5
        assert not taken.exists()
    run.wait()


def test_the_cache_of_a_proof_becomes_the_projects(server: Path) -> None:
    folder, target = server / "hand", server / "envs" / ".cache"
    with rooms.room(folder, "s", sandbox_of) as room:
        (room.cache / "wheel").write_text("x")
        if USER:
            shutil.chown(room.cache / "wheel", USER)
    (folder / "caches" / "s" / "link").symlink_to("/etc/hostname")
    rooms.hand_over_cache(folder, "s", target, "daemon" if USER else None)
    assert (target / "wheel").read_text() == "x"
    assert not (folder / "caches" / "s").exists()
    if USER:
        assert (target / "wheel").owner() == target.owner() == "daemon"
        assert (target / "link").lstat().st_uid == 0, "what the user did not own stays as it is"
    rooms.hand_over_cache(folder, "s", target, None)
