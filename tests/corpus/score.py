"""Counts how often the inspection is right on repositories whose answers are written down.

python -m tests.corpus.score tests/corpus/holdout1.json [--trees FOLDER] [--offline] [--details] [--host URL]
"""

import argparse
import json
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from dz.tasklib.detection import inspect

Answers = dict[str, Any]
Compare = Callable[[Any, Any], bool]

NEEDED = ("is_django", "project_root", "settings_module", "entry_point", "dependency_files", "package_manager")
REST = ("env_required", "database", "python_version", "celery_app", "asgi_needed")
OTHERS = ("django_version", "gis", "legacy_python2", "needs_node_build", "procfile")


def folder(value: str | None) -> str:
    """Return a path without the ways in which the same one can be written."""
    return (value or "").removeprefix("./").strip("/") or "."


def module(value: str | None) -> str:
    """Return the module of `module:attribute` or `module.attribute`."""
    return re.sub(r"[:.](application|app)$", "", value or "")


def version(value: str | None) -> tuple[str, ...]:
    """Return the parts of the first version in a constraint, without a remark in brackets."""
    match = re.search(r"\d+(\.\d+)*", re.sub(r"\([^)]*\)", "", value or ""))
    return tuple(match[0].split(".")) if match else ()


def same_version(wanted: str | None, got: str | None) -> bool:
    """Say whether two constraints are about the same version, as far as both are precise."""
    one, two = version(wanted), version(got)
    shared = min(len(one), len(two))
    return one == two if not shared else one[:shared] == two[:shared]


SAME: dict[str, Compare] = {
    "project_root": lambda wanted, got: folder(wanted) == folder(got),
    "entry_point": lambda wanted, got: module(wanted) == module(got),
    "celery_app": lambda wanted, got: str(wanted).partition(":")[0] == str(got).partition(":")[0],
    "package_manager": lambda wanted, got: (wanted or "none") == (got or "none"),
    "python_version": same_version,
    "django_version": same_version,
}


def accepted(expect: Answers, name: str) -> list[Any]:
    """Return all values of a field that count as right."""
    return [expect[name], *expect.get("settings_ok" if name == "settings_module" else f"{name}_ok", [])]


def right(expect: Answers, got: Answers, name: str) -> bool:
    """Say whether a field was read right."""
    if name == "entry_point":
        kind = "asgi" if expect.get("asgi_needed") else "wsgi"
        return any(SAME[name](value, got[kind]) for value in accepted(expect, kind))
    if name == "dependency_files":
        have, also = set(map(folder, got[name])), set(map(folder, expect.get("dependency_files_also", [])))
        sets = [set(map(folder, value)) for value in accepted(expect, name)]
        return any(wanted <= have <= wanted | also for wanted in sets)
    if name == "env_required":
        wanted, have = set(expect[name]), set(got[name])
        return wanted <= have <= wanted | set(expect.get("env_needed", []))
    same = SAME.get(name, lambda wanted, value: bool(wanted == value))
    return any(same(value, got[name]) for value in accepted(expect, name))


@dataclass
class Verdict:
    """What became of one repository."""

    repo: str
    wrong: dict[str, tuple[Any, Any]] = field(default_factory=dict)
    asked: tuple[str, ...] = ()
    unsure: bool = False
    meant_unsure: bool = False
    hedged: bool = False

    def is_right(self, names: Sequence[str]) -> bool:
        """Say whether these fields are right, or rightly called a choice that only a person can make."""
        return not set(names) & set(self.wrong) or (self.meant_unsure and self.unsure and self.hedged)

    @property
    def misleads(self) -> bool:
        """Whether a wrong settings module was given without a doubt."""
        return "settings_module" in self.wrong and not (self.unsure and self.hedged)


def judge(repo: str, expect: Answers, tree: Path) -> Verdict:
    """Inspect a work tree and compare what was read with the answers."""
    got = inspect(tree).to_json()
    names = (*NEEDED, *REST, *OTHERS) if expect["is_django"] else ("is_django",)
    asked = tuple(name for name in names if name == "entry_point" or name in expect)
    verdict = Verdict(repo, asked=asked, unsure=bool(got["ambiguous"]), meant_unsure=bool(expect.get("ambiguous")))
    verdict.wrong = {n: (expect.get(n), got.get(n)) for n in asked if not right(expect, got, n)}
    guessed = {str(guess["value"]) for guess in got["guesses"] if guess["field"] == "settings_module"}
    verdict.hedged = bool(expect["is_django"]) and bool(guessed & set(accepted(expect, "settings_module")))
    return verdict


def clone(url: str, commit: str, tree: Path) -> bool:
    """Bring one commit of a public repository into `tree`; False if it cannot be had."""
    for command in (
        ["git", "init", "--quiet", str(tree)],
        ["git", "-C", str(tree), "fetch", "--quiet", "--depth", "1", url, commit],
        ["git", "-C", str(tree), "checkout", "--quiet", "FETCH_HEAD"],
    ):
        if subprocess.run(command, check=False).returncode:
            shutil.rmtree(tree, ignore_errors=True)
            return False
    return True


def report(verdicts: list[Verdict], missing: list[str], seconds: float, *, details: bool) -> str:
    """Return the figures as text."""
    asked, wrong = Counter[str](), Counter[str]()
    lines = []
    for verdict in verdicts:
        asked.update(verdict.asked)
        wrong.update(verdict.wrong.keys())
        for name, (wanted, got) in verdict.wrong.items() if details else ():
            lines.append(f"{verdict.repo}: {name} is {got!r}, right is {wanted!r}")
    lines += [f"{name:18} {asked[name] - wrong[name]:3} of {asked[name]:3} right" for name in sorted(asked)]
    count = max(len(verdicts), 1)
    for title, names in (("fully right", NEEDED), ("complete", (*NEEDED, *REST))):
        good = sum(verdict.is_right(names) for verdict in verdicts)
        lines.append(f"{title:18} {good:3} of {len(verdicts):3} = {good / count:.1%}")
    alarms = [verdict.repo for verdict in verdicts if verdict.unsure and not verdict.meant_unsure]
    misled = [verdict.repo for verdict in verdicts if verdict.misleads]
    for title, repos in (("false alarms", alarms), ("wrong and sure", misled), ("not at hand", missing)):
        lines.append(f"{title:18} {len(repos):3} {' '.join(repos)}".rstrip())
    return "\n".join([*lines, f"{seconds / count:.2f} s a repository"])


def main() -> int:
    """Score one set; 1 if a wrong settings module was given without a doubt."""
    words = argparse.ArgumentParser(prog="python -m tests.corpus.score")
    words.add_argument("answers", type=Path)
    words.add_argument("--trees", type=Path, help="folder of work trees named OWNER+NAME")
    words.add_argument("--host", default="https://github.com", help="where OWNER/NAME.git is cloned from")
    words.add_argument("--offline", action="store_true", help="clone nothing")
    words.add_argument("--details", action="store_true", help="name every wrong field")
    chosen = words.parse_args()
    verdicts: list[Verdict] = []
    missing: list[str] = []
    seconds = 0.0
    with tempfile.TemporaryDirectory() as own:
        for entry in json.loads(chosen.answers.read_text()):
            tree = (chosen.trees or Path(own)) / entry["repo"].replace("/", "+")
            url = f"{chosen.host}/{entry['repo']}.git"
            if not tree.is_dir() and (chosen.offline or not clone(url, entry["commit"], tree)):
                missing.append(entry["repo"])
                continue
            started = time.monotonic()
            verdicts.append(judge(entry["repo"], entry["expect"], tree))
            seconds += time.monotonic() - started
    print(report(verdicts, missing, seconds, details=chosen.details))  # noqa: T201 - it is a command
    return int(any(verdict.misleads for verdict in verdicts))


if __name__ == "__main__":
    sys.exit(main())
