"""How long first deploys take when several are requested at the same moment, with a check_repo among them."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from bench import leftovers
from bench.ours import Platform
from bench.projects import Project
from bench.results import OURS, Results

NUMBERS = (1, 4, 8)


def measure(ours: Platform, project: Project, results: Results, tell: Callable[[str], None]) -> None:
    """Deploy the same source as 1, 4 and 8 new projects at once."""
    for number in NUMBERS:
        leftovers.remove(ours)
        sites = [f"bench-{number}-at-once-{which}" for which in range(1, number + 1)]
        url = ours.url(project.bare)
        with ThreadPoolExecutor(number + 1) as threads:
            deploys = [threads.submit(_deploy, ours, site, url, project.version) for site in sites]
            check = threads.submit(_check, ours, url)
            for deploy in deploys:
                results.add(f"at_once_{number}", OURS, deploy.result())
            results.add(f"check_repo_among_{number}", OURS, check.result())
        slowest, checked = max(results.whole[f"at_once_{number}", OURS]), check.result()
        tell(f"{number} at once: the last after {slowest:.2f} s; check_repo {checked:.2f} s")


def _deploy(ours: Platform, site: str, url: str, version: str) -> float:
    asked = ours.deploy(site, url)
    answered, _ = ours.place(site).answered_by(version, lambda: ours.wait(asked))
    return answered - asked.at


def _check(ours: Platform, url: str) -> float:
    asked = ours.check(url)
    return ours.job_seconds(asked, ours.wait(asked))
