"""One run of a project: what reaches it, how it may end, and which report counts."""

import os
import textwrap

import pytest

from dz.errors import TimeLimitExceeded, VerificationFailed
from dz.tasklib.verification import dry_run, reports, verification
from tests.integration.django_projects import PLAN, make_project


def test_a_printed_fake_report_counts_for_nothing(check, open_folder):
    code = """
        import json, os, sys
        print(json.dumps({"ok": True, "nonce": "0" * 32}))
        open(os.path.dirname(os.environ["DZ_STATIC_ROOT"]) + "/report.json", "w").write(json.dumps({"ok": True, "nonce": "0" * 32, "static_url": "/x/"}))
        sys.stdout.flush()
        os._exit(1)
    """
    with pytest.raises(VerificationFailed, match="exit code 1"):
        check(make_project(open_folder / "src", code))


_FORGER = """
    import glob, json, os, sys
    job = json.load(open(sys.argv[-1]))
    out = job["out"]
    texts = [open(path).read() for path in glob.glob(out + "/*") + glob.glob(os.path.dirname(out) + "/*.json")]
    nonces = [job.get("nonce"), *(text for text in texts if len(text) == 32)]
    report = {"ok": True, "nonce": nonces[-1], "static_url": "/forged/", "django_version": "6.6"}
    open(out + "/report.json", "w").write(json.dumps(report))
    os._exit(0)
"""


def test_a_project_that_looks_for_the_mark_of_genuine_reports_does_not_find_it(check, open_folder):
    with pytest.raises(VerificationFailed, match="ended its own process"):
        check(make_project(open_folder / "src", _FORGER))


def test_nor_does_a_dependency_that_runs_before_anything_else(check, built, open_folder):
    [packages] = built.path.glob("lib/python*/site-packages")
    (packages / "forger.py").write_text(textwrap.dedent(_FORGER))
    (packages / "forger.pth").write_text("import sys; 'verify' in sys.argv and __import__('forger')\n")
    try:
        with pytest.raises(VerificationFailed, match="ended its own process"):
            check(make_project(open_folder / "src", ""))
    finally:
        (packages / "forger.pth").unlink()
        (packages / "forger.py").unlink()


def test_a_report_that_is_a_link_to_another_file_is_none(open_folder, tmp_path):
    (tmp_path / "canary.json").write_text('{"canary": true}')
    out = open_folder / "out"
    out.mkdir()
    (out / "report.json").symlink_to(tmp_path / "canary.json")
    assert reports.read(out / "report.json") == {}
    if os.geteuid() == 0:
        os.chown(out, 65534, 65534)
        (out / "report.json").unlink()
        os.link(tmp_path / "canary.json", out / "report.json")
        assert reports.read(out / "report.json") == {}, "it belongs to somebody else"


def test_an_early_exit_with_success_is_no_success(check, open_folder):
    with pytest.raises(VerificationFailed, match="ended its own process"):
        check(make_project(open_folder / "src", "import os\nos._exit(0)\n"))


def test_a_project_that_hangs_is_stopped(check, open_folder):
    with pytest.raises(TimeLimitExceeded, match="took longer"):
        check(make_project(open_folder / "src", "import time\ntime.sleep(600)\n"), timeout=3)


def test_a_given_environment_variable_reaches_the_settings(check, open_folder):
    code = 'import os\nassert os.environ["PAYMENT_TOKEN"] == "t"\nassert "PREFECT_API_URL" not in os.environ\n'
    assert check(make_project(open_folder / "src", code), PAYMENT_TOKEN="t")


def test_the_owners_values_lie_in_no_file_that_others_can_read_and_in_no_text_of_the_result(
    built, sandbox, open_folder
):
    code = """
        import os, stat, sys
        place = os.path.dirname(sys.argv[-1])
        modes = [stat.S_IMODE(os.stat(os.path.join(place, name)).st_mode) for name in ("env.json", "job.json")]
        assert modes == [0o600, 0o600], modes
        print("I print", os.environ["TOKEN"])
        raise ValueError("I raise " + os.environ["TOKEN"])
    """
    place = open_folder / "run"
    done, report = dry_run.run(
        PLAN,
        make_project(open_folder / "src", code),
        built,
        place=place,
        sandbox=sandbox,
        given={**verification.placeholder_variables(PLAN), "TOKEN": "sk_live_12345"},
        timeout=60,
        options={},
        secret=["sk_live_12345"],
    )
    assert "I print [hidden]" in done.output
    assert report["error"]["message"] == "I raise [hidden]"
    assert not (place / "env.json").exists()


def _report(checkout, built, sandbox, place):
    done, report = dry_run.run(
        PLAN,
        checkout,
        built,
        place=place,
        sandbox=sandbox,
        given={**verification.placeholder_variables(PLAN), "DZ_PLAIN_STATIC_STORAGE": "1"},
        timeout=60,
        options={"site_media_map": []},
    )
    assert report, done.output
    return report


def test_a_project_may_write_below_its_own_folder_while_it_is_loaded(built, sandbox, open_folder):
    code = """
        import logging.config
        (BASE_DIR.parent / "var" / "run").mkdir(parents=True, exist_ok=True)
        with open(BASE_DIR.parent / "start.log", "a") as file:
            file.write("begun")
        with open(BASE_DIR.parent / "notes" / "new" / "own.log", "a") as file:
            file.write("begun")
        CACHES = {"default": {"BACKEND": "django.core.cache.backends.filebased.FileBasedCache",
                              "LOCATION": BASE_DIR.parent / "cache"}}
        LOGGING = {"version": 1, "disable_existing_loggers": False, "root": {"handlers": ["file"]},
                   "handlers": {"file": {"class": "logging.handlers.RotatingFileHandler",
                                         "filename": BASE_DIR.parent / "var" / "site.log"}}}
        logging.config.dictConfig(LOGGING)
    """
    checkout = make_project(open_folder / "src", code, **{"start.log": "committed"})
    before = sorted(path for path in checkout.path.rglob("*") if "pycache" not in str(path))
    report = _report(checkout, built, sandbox, open_folder / "run")
    assert report["ok"] is True, report.get("error")
    assert report["written_later"] == ["cache/"]
    assert "notes/new/" in report["written"]
    if sandbox.user:
        assert report["written"][:2] == ["var", "start.log"]
        assert sorted(path for path in checkout.path.rglob("*") if "pycache" not in str(path)) == before
        assert (checkout.path / "start.log").read_text() == "committed"


def test_a_file_that_is_read_and_missing_is_told_as_what_it_is(built, sandbox, open_folder):
    report = _report(
        make_project(open_folder / "src", 'open(BASE_DIR / "config" / "secrets.json")\n'),
        built,
        sandbox,
        open_folder / "run",
    )
    assert report["error"]["type"] == "FileNotFoundError"
    assert report["error"]["file"] == "site1/settings.py"


def test_a_handler_of_logging_that_cannot_write_is_sent_to_the_sites_log_and_named(built, sandbox, open_folder):
    code = """
        LOGGING = {"version": 1, "disable_existing_loggers": False, "root": {"handlers": ["file"]},
                   "handlers": {"file": {"class": "logging.FileHandler", "filename": BASE_DIR / "nowhere" / "site.log"}}}
    """
    report = _report(make_project(open_folder / "src", code), built, sandbox, open_folder / "run")
    assert report["written"] == []
    assert (
        "LOGGING writes to site.log (handler file); on the site this goes to the site's own log." in report["warnings"]
    )
