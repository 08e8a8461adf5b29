"""What files for deployment say of the running site, and what they say of its build and its tests alone."""

import itertools
import re
from collections.abc import Iterator

from dz.tasklib.detection import documents
from dz.tasklib.detection.tree import Tree

_IMAGE = re.compile(r"(?i)(^|/)(docker|container)file[\w.-]*$|\.(docker|container)file$")
_OTHERS = re.compile(
    r"(^|[-_])(dev(el\w*)?|tests?|testing|pytest|lint\w*|ci|e2e|debug|docs?|local)([-_]|$)", re.IGNORECASE
)
_FOR_BUILDS = ("buildCommand", "buildcommand", "preBuildCommand")
_TESTS = re.compile(
    r"(^|/)(tox\.ini|pytest\.ini|setup\.cfg|pyproject\.toml|mypy\.ini|noxfile\.py|conftest\.py|build\.sh|runtests\w*\.\w+|\.coveragerc)$"
)
_TARGETS = re.compile(r"test|check|lint|cov|ci\b|build|static|collect|docs|mypy", re.IGNORECASE)
_NAME = "DJANGO_SETTINGS_MODULE"


def passes_on(tree: Tree) -> bool:
    """Say whether an image turns the argument of its build that names the settings into a variable of the running site."""
    return any(_passes_on(tree.text(path) or "") for path in tree.files if _IMAGE.search(path))


def text(tree: Tree, path: str, *, passed_on: bool = False) -> str:
    """Return what a file says of the running site: lines of a Dockerfile keep their numbers, those of YAML do not.

    Args:
        passed_on: what `passes_on` says.
    """
    whole = tree.text(path) or ""
    if _IMAGE.search(path):
        return _of_image(whole)
    if documents.is_yaml(path):
        return documents.text(tree, path, leave_out=lambda keys: _built(keys, passed_on=passed_on))
    return whole


def others(tree: Tree) -> Iterator[tuple[str, str]]:
    """Yield (path, text) of the files that also, or only, say what builds and tests do."""
    ci = set(documents.ci_files(tree))
    for path in tree.files:
        if _IMAGE.search(path) or _TESTS.search(path) or path in ci or re.search(r"(^|/)heroku\.yml$", path):
            yield path, tree.text(path) or ""
        elif documents.is_yaml(path) and re.search(r"ompose|(^|/)render\.yaml$", path):
            yield path, documents.text(tree, path)
        elif re.search(r"(^|/)[Mm]akefile$", path):
            yield path, "\n".join(_recipes(tree.text(path) or ""))


def _recipes(text: str) -> Iterator[str]:
    """Yield the commands of those targets of a Makefile that build or test."""
    wanted = False
    for line in text.splitlines():
        target = re.match(r"([\w.-]+)\s*:(?!=)", line)
        wanted = bool(_TARGETS.search(target[1])) if target else wanted
        if wanted and line.startswith("\t"):
            yield line


def _built(keys: tuple[str, ...], *, passed_on: bool) -> bool:
    """Say whether a value of a YAML file is only about a build or a test.

    Args:
        passed_on: an image turns the argument of its build into a variable of the running site.
    """
    arguments = ("build", "args") in itertools.pairwise(keys) or keys[:2] == ("build", "config")
    service = keys[1] if keys[:1] == ("services",) and len(keys) > 1 else ""
    return (arguments and not passed_on) or any(key in _FOR_BUILDS for key in keys) or bool(_OTHERS.search(service))


def _passes_on(text: str) -> bool:
    return bool(re.search(rf"(?m)^\s*ENV\s(?:[^\n]*\\\n)*[^\n]*{_NAME}[= ][\"']?\$", text))


def _of_image(text: str) -> str:
    """Blank the lines of a Dockerfile that do nothing to the image that runs: commands of the build, and other stages."""
    lines = text.splitlines()
    steps = list(_instructions(lines))
    stages = _stages(steps)
    kept = _of_last(stages)
    set_at = [
        first for first, _, words, stage in steps if stage in kept and re.match(rf"(?i)ENV\s.*\b{_NAME}\b", words)
    ]
    for first, last, words, stage in steps:
        word = words.split(maxsplit=1)[0].upper()
        gone = (
            (word == "RUN" and ">" not in words)
            or (word == "ARG" and not _passes_on(text))
            or (stage not in kept and word != "FROM")
            or (first in set_at[:-1])
        )
        if gone:
            lines[first : last + 1] = [""] * (last + 1 - first)
    return "\n".join(lines)


def _instructions(lines: list[str]) -> Iterator[tuple[int, int, str, int]]:
    """Yield (first line, last line, words, stage) of each instruction of a Dockerfile; both lines count from 0."""
    number, stage = 0, -1
    while number < len(lines):
        first = number
        while lines[number].rstrip().endswith("\\") and number + 1 < len(lines):
            number += 1
        words = " ".join(line.rstrip().removesuffix("\\") for line in lines[first : number + 1]).strip()
        stage += words.upper().startswith("FROM ")
        if words and not words.startswith("#"):
            yield first, number, words, stage
        number += 1


def _stages(steps: list[tuple[int, int, str, int]]) -> list[tuple[str, str]]:
    """Return (name, base) of each stage of a Dockerfile."""
    found = []
    for _, _, words, _ in steps:
        match = re.match(r"(?i)FROM\s+(?:--\S+\s+)*(\S+)(?:\s+AS\s+(\S+))?", words)
        if match:
            found.append((match[2] or "", match[1]))
    return found


def _of_last(stages: list[tuple[str, str]]) -> set[int]:
    """Return the numbers of the stages that the image which runs is made of; -1 is what lies before the first."""
    fit = [number for number, (name, _) in enumerate(stages) if not _OTHERS.search(name)]
    number = fit[-1] if fit else len(stages) - 1
    found = {-1}
    while number >= 0 and number not in found:
        found.add(number)
        base = stages[number][1]
        number = next((n for n in range(number - 1, -1, -1) if stages[n][0] == base), -1)
    return found
