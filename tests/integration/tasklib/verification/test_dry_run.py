"""One run of a project: what reaches it, how it may end, and which report counts."""

import pytest

from dz.errors import VerificationFailed
from dz.tasklib.verification import dry_run, verification
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


def test_an_early_exit_with_success_is_no_success(check, open_folder):
    with pytest.raises(VerificationFailed, match="ended its own process"):
        check(make_project(open_folder / "src", "import os\nos._exit(0)\n"))


def test_a_project_that_hangs_is_stopped(check, open_folder):
    with pytest.raises(VerificationFailed, match="took longer"):
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
