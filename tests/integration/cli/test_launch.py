"""A launch where nobody can be asked."""

from dataclasses import replace

import pytest

from dz.cli import launch, main
from dz.errors import ConfirmationMissing
from dz.tasklib import projects
from dz.tasklib.variables import stored
from dz.zoomdb import Zoomdb
from tests.integration.cli.forms import ANSWER


def test_where_nobody_can_be_asked_what_is_missing_is_named_with_the_command_that_gives_it(
    zoomdb: Zoomdb, waiting
) -> None:
    job, view = waiting
    with pytest.raises(ConfirmationMissing) as raised:
        launch._unasked(zoomdb, job, view, yes=True)
    assert "PAY_KEY is not set" in raised.value.found
    assert "`dz variables shop --ask PAY_KEY`" in raised.value.remedy
    assert f"--resume {job.id} --yes --set MAIL_FROM=VALUE`" in raised.value.remedy
    assert "PAY_KEY=" not in raised.value.remedy  # a shell would remember it
    stored.put(zoomdb, projects.find(zoomdb, "shop").id, {"PAY_KEY": "x", "MAIL_FROM": "y"})
    assert launch._unasked(zoomdb, job, view, yes=True) == ANSWER
    with pytest.raises(ConfirmationMissing):
        launch._unasked(zoomdb, job, view, yes=False)
    offering = replace(job, result={**job.result, "offers_rows": True})
    assert launch._unasked(zoomdb, offering, view, yes=True) == {**ANSWER, "copy_data": True}


def test_a_launch_needs_one_of_url_and_job(capsys) -> None:
    assert main.run(["launch", "--json"]) == 2
    assert main.run(["launch", "https://example.org/x.git", "--resume", "3", "--json"]) == 2
    assert main.run(["launch", "https://example.org/x.git", "--check", "3", "--json"]) == 2
    assert main.run(["launch", "", "--json"]) == 1
    assert main.run(["launch", "--check", "3", "--json"]) == 1
    assert "Job 3 is no check" in capsys.readouterr().out
    assert main.run(["launch", "--resume", "3", "--json"]) == 1
    assert "no launch of that number" in capsys.readouterr().out
