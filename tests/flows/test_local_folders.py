"""A project that comes from a folder of this machine."""

import shutil
from pathlib import Path

from dz import wiring
from dz.tasklib import projects
from dz.tasklib.checkouts.local_sources import publish_path
from dz.tasklib.jobs import jobs, log
from tests.flows.conftest import POLLS, Platform, _git
from tests.flows.test_build_and_deploy import _deploy


def test_a_deploy_takes_the_newest_commit_of_the_folder_and_says_what_is_not_committed(
    platform: Platform, tmp_path: Path
) -> None:
    folder = tmp_path / "diary"
    shutil.copytree(POLLS, folder, ignore=shutil.ignore_patterns("__pycache__"))
    _git(folder, "init", "-q")
    _git(folder, "add", "-A")
    _git(folder, "commit", "-q", "-m", "one")
    url = f"{platform.git_url}/{publish_path(folder, platform.git_folder).name}.git"
    first = _deploy(url=url)

    urls = folder / "mysite" / "urls.py"
    urls.write_text(urls.read_text() + "# two\n")
    _git(folder, "commit", "-q", "-am", "two")
    urls.write_text(urls.read_text() + "# three, not committed\n")
    # The proxy was started by an older checkout, whose main configuration lacks what sites use now.
    main = wiring.nginx("proxy-1").folder / "nginx.conf"
    main.write_text(main.read_text().replace("dz_expires", "dz_kept"))
    second = _deploy(project=projects.of_source(wiring.zoomdb(), url).name)

    assert (first["version"], second["version"]) == (1, 2)
    assert second["commit"] == (folder / ".git" / "refs" / "heads" / _branch(folder)).read_text().strip()
    said = log.warnings(log.lines(platform.zoomdb, jobs.newest(platform.zoomdb, limit=1)[0].id))
    assert f"1 uncommitted changes in {folder} are not included; the last commit is deployed." in said


def _branch(folder: Path) -> str:
    return (folder / ".git" / "HEAD").read_text().strip().rsplit("/", 1)[1]
