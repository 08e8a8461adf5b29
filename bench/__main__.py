"""`dz bench`: measures deploys through the running stack beside a script written by hand."""

import argparse
import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from bench import at_once, leftovers, scale
from bench.cases import CASES, LATER, Comparison
from bench.floor import Floor
from bench.ours import Platform
from bench.projects import SIZES, Project
from bench.results import Results
from dz.adapters import files
from dz.cli import output
from dz.errors import DzError, StackProblem
from dz.settings import PROJECT_ROOT, settings


def main(argv: Sequence[str]) -> int:
    """Measure, print the table on stderr and the ratios on stdout, and return 0."""
    given = _arguments(argv)
    os.environ.setdefault("PREFECT_LOGGING_LEVEL", "WARNING")
    # On SIGTERM, too, everything that was started has to be stopped: leave through the `finally` blocks.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    with _alone():
        found = _scale(given.projects) if given.scale else _deploys(given)
    if given.json:
        given.json.write_text(json.dumps(found, indent=2) + "\n")
    return 0


@contextlib.contextmanager
def _alone() -> Iterator[None]:
    """Refuse a second measurement of this stack: each would slow the other, and take its folder away."""
    path = settings().state_dir.with_name(f"{settings().state_dir.name}-bench.lock")
    path.parent.mkdir(parents=True, exist_ok=True)
    with files.try_locked(path) as alone:
        if not alone:
            raise StackProblem("Another `dz bench` runs on this stack.", "Wait for its end.")
        yield


def _scale(sizes: Sequence[int]) -> dict[str, Any]:
    found = scale.measure(sizes, _tell)
    table = Table("milliseconds", *(f"{size} projects" for size in sizes), "growth", box=None)
    for name in found["growth"]:
        times = [f"{found['milliseconds'][size][name]:.1f}" for size in sizes]
        table.add_row(name, *times, f"{found['growth'][name]:.2f}")
    Console(stderr=True, width=140).print(table)
    for query in found["whole_tables_read"]:
        _tell(f"reads all of {query}")
    output.print_json(found["growth"])
    return found


def _deploys(given: argparse.Namespace) -> dict[str, Any]:
    results, began = Results(), time.time()
    cases = frozenset(given.cases or CASES)
    _compare(given.project, given.rounds, cases, results)
    found = results.to_json() | {
        "project": given.project,
        "rounds": given.rounds,
        "seconds": round(time.time() - began),
        "load": os.getloadavg(),
        "cores": os.cpu_count(),
        "cli_start": _cli_start(),
    }
    _print(results)
    output.print_json(found["ratios"])
    return found


def _arguments(argv: Sequence[str]) -> argparse.Namespace:
    ask = argparse.ArgumentParser(prog="dz bench", description=__doc__)
    ask.add_argument("--project", choices=SIZES, default="middle", help="3, 26 or 90 direct dependencies")
    ask.add_argument("--rounds", type=int, default=5, help="how often each case is run on each side")
    ask.add_argument("--json", type=Path, metavar="FILE", help="write everything that was measured")
    ask.add_argument("--cases", nargs="+", choices=CASES, metavar="CASE", help=f"some of: {' '.join(CASES)}")
    ask.add_argument("--scale", action="store_true", help="measure what many projects cost the platform, instead")
    ask.add_argument("--projects", nargs="+", type=int, default=scale.SIZES, metavar="N", help="for --scale: how many")
    return ask.parse_args(argv)


def _compare(size: str, rounds: int, cases: frozenset[str], results: Results) -> None:
    ours = Platform(lambda name, seconds, detail: None if seconds is None else _tell(f"stack: {name} {seconds} s"))
    folder = settings().state_dir.with_name(f"{settings().state_dir.name}-bench")
    floor = Floor(folder)
    floor.clear()
    project = Project(size, folder / "work", ours.git_folder / f"bench-{size}.git")
    try:
        project.create()
        if cases - LATER:
            floor.start()
            comparison = Comparison(project, ours, floor, results, _tell, f"bench-{size}")
            comparison.prepare(cases)
            for number in range(1, rounds + 1):
                comparison.round(number, cases)
        if "at_once" in cases:
            at_once.measure(ours, project, results, _tell)
        if "hop" in cases:
            from bench import hop  # noqa: PLC0415  imports Prefect, whose environment is prepared by now

            hop.measure(results, rounds)
    finally:
        leftovers.remove(ours)
        leftovers.delete_set_aside()
        floor.stop()
        shutil.rmtree(project.bare, ignore_errors=True)


def _cli_start() -> dict[str, float]:
    """Return the seconds that `dz` takes to start, which no case counts: for its help, and for a request's imports."""
    request = "import prefect.deployments, dz.cli.deploy"
    found = {}
    for name, words in {"help": ["-m", "dz.cli", "deploy", "--help"], "request": ["-c", request]}.items():
        began = time.monotonic()
        subprocess.run([sys.executable, *words], cwd=PROJECT_ROOT, stdout=subprocess.DEVNULL, check=True)
        found[name] = round(time.monotonic() - began, 2)
    return found


def _print(results: Results) -> None:
    table = Table("case", "side", "step", "runs", "min", "median", "max", box=None)
    for row in results.table():
        table.add_row(*row)
    Console(stderr=True, width=140).print(table)


def _tell(line: str) -> None:
    output.note(f"{time.strftime('%H:%M:%S')} {line}")


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except DzError as error:
        output.report(error, as_json=False)
        sys.exit(1)
