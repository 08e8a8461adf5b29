"""Deploys real projects, written by others, and looks at their pages: through `bin/dz try`, those with `by = "launch"`
through `bin/dz launch URL --yes`, with their proof, on the local stack that runs. Not collected by pytest.

    python -m tests.e2e.real_projects [--only NAME] [--checkouts DIR]

The projects stand in `real_projects.toml`, each at one commit, with what is to be seen; those that cannot be deployed
stand there too, with the error that must be given. A project is cloned from DIR/OWNER+NAME (a git repository, bare or
not) if that is there, else from https://github.com. Nothing of a project is kept. Exit code 0 if all is as written.
"""

import argparse
import json
import re
import shutil
import subprocess
import sys
import time
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from dz.settings import settings
from dz.tasklib.checkouts.local_sources import publish_path

ROOT = Path(__file__).resolve().parents[2]
CLONES = ROOT / ".dz" / "real-projects"
PROJECTS = Path(__file__).with_suffix(".toml")
TOKEN = re.compile(r'name="csrfmiddlewaretoken" value="([^"]+)"')


@dataclass(frozen=True)
class Outcome:
    """How one project went: seconds of `dz try`, and what was not as written."""

    repo: str
    seconds: float
    url: str
    wrong: list[str]


def main() -> int:
    """Run what the command line asks for and return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", metavar="NAME", help="projects whose OWNER/NAME contains this")
    parser.add_argument("--checkouts", metavar="DIR", type=Path, help="where OWNER+NAME repositories lie")
    asked = parser.parse_args()
    projects = tomllib.loads(PROJECTS.read_text("utf-8"))["project"]
    chosen = [project for project in projects if not asked.only or asked.only in project["repo"]]
    outcomes = []
    for project in chosen:
        outcomes.append(deployed(project, asked.checkouts))
        show(project, outcomes[-1])
    failed = sum(bool(outcome.wrong) for outcome in outcomes)
    say(f"\n{len(outcomes) - failed} of {len(outcomes)} as written")
    return 1 if failed or not outcomes else 0


def deployed(project: dict[str, Any], checkouts: Path | None) -> Outcome:
    """Deploy one project from a fresh clone and check its pages, or the error that it must give."""
    # The same place each time: the project is then deployed again as its next version.
    source = CLONES / project["repo"].replace("/", "-").lower()
    shutil.rmtree(source, ignore_errors=True)
    try:
        clone(project, checkouts, source)
    except subprocess.CalledProcessError as error:
        return Outcome(project["repo"], 0, "", [f"cannot be cloned: {error.stderr.strip()[-200:]}"])
    values = [word for name, value in project.get("set", {}).items() for word in ("--set", f"{name}={value}")]
    words = [str(ROOT / "bin" / "dz"), *command(project, source), *values, "--json"]
    began = time.monotonic()
    done = subprocess.run(words, capture_output=True, text=True, timeout=1200, check=False)
    seconds = time.monotonic() - began
    shutil.rmtree(source)
    answer = json.loads(done.stdout or "{}")
    if "error" in answer or not answer:
        code = answer.get("error", {}).get("code", "no answer")
        found = answer.get("error", {}).get("found", done.stderr[-300:])
        return Outcome(project["repo"], seconds, "", [] if code == project.get("error") else [f"{code}: {found}"])
    if "error" in project:
        return Outcome(project["repo"], seconds, answer["url"], [f"is live, but {project['error']} was expected"])
    return Outcome(project["repo"], seconds, answer["url"], list(differences(project, answer["url"])))


def command(project: dict[str, Any], source: Path) -> list[str]:
    """Return the words that deploy a project."""
    if project.get("by") != "launch":
        return ["try", str(source)]
    state = settings().state_dir
    hosts = json.loads((state / "settings.json").read_text("utf-8"))["git_hosts"]
    server = next(host for host in hosts if host.startswith("git://"))
    name = publish_path(source, state / "git").name
    return ["launch", f"{server}/{name}.git", "--yes"]


def clone(project: dict[str, Any], checkouts: Path | None, target: Path) -> None:
    """Clone a project and check out its commit."""
    local = checkouts / project["repo"].replace("/", "+") if checkouts else None
    origin = str(local) if local and local.is_dir() else f"https://github.com/{project['repo']}.git"
    git("clone", "--quiet", "--no-checkout", "--", origin, str(target))
    git("-C", str(target), "checkout", "--quiet", "--detach", project["commit"])


def git(*words: str) -> None:
    """Run git; its words end in the error."""
    subprocess.run(["git", *words], check=True, capture_output=True, text=True, timeout=600)


def differences(project: dict[str, Any], url: str) -> list[str]:
    """Return what the site shows otherwise than written."""
    wrong = []
    with httpx.Client(base_url=url, trust_env=False, follow_redirects=True, timeout=30) as client:
        for page in project["pages"]:
            answer = client.get(page["path"])
            if answer.status_code != page.get("status", 200):
                wrong.append(f"{page['path']} answers {answer.status_code}")
            elif page.get("text", "") not in answer.text:
                wrong.append(f"{page['path']} does not say {page['text']!r}")
        if "login" in project:
            wrong += login(client, project["login"])
    return wrong


def login(client: httpx.Client, form: dict[str, Any]) -> list[str]:
    """Send a form with a wrong password: the answer is the form again, and no CSRF error."""
    token = TOKEN.search(client.get(form["path"]).text)
    if not token:
        return [f"{form['path']} has no form"]
    fields = {"csrfmiddlewaretoken": token[1], "username": "nobody", "password": "wrong"}
    origin = str(client.base_url).rstrip("/")
    answer = client.post(form["path"], data=fields, headers={"Origin": origin, "Referer": f"{origin}{form['path']}"})
    fine = answer.status_code == 200 and form["text"] in answer.text
    return [] if fine else [f"the login at {form['path']} answers {answer.status_code}"]


def show(project: dict[str, Any], outcome: Outcome) -> None:
    """Print the row of one project."""
    state = "FAILED" if outcome.wrong else project.get("error") or "live"
    say(f"{state:18} {outcome.seconds:6.1f} s  {outcome.repo:45} {outcome.url}")
    for line in outcome.wrong:
        say(f"{'':27} {line}")


def say(line: str) -> None:
    """Print a line at once, also into a pipe."""
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
