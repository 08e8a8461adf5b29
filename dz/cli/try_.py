"""`dz try [URL|PATH]`: from nothing to a live site on this machine."""

import contextlib
import re
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any

import httpx
import typer

from dz import names, wiring
from dz.cli import output, questions, runs
from dz.cli.check import inspect_source
from dz.cli.options import AsJson, Files, Variables, WithData, given_variables
from dz.cli.stack import shown
from dz.errors import FailureRecord, HealthCheckFailed, NotDjango, from_record
from dz.settings import PROJECT_ROOT, settings
from dz.tasklib import projects
from dz.tasklib.appservers import answers
from dz.tasklib.checkouts import local_sources
from dz.tasklib.configuration import zoombuild
from dz.tasklib.detection import inspect
from dz.tasklib.jobs import log
from dz.tasklib.jobs.jobs import JobView
from dz.tasklib.variables import stored
from dz.zoomdb import Zoomdb
from dz.zoomdb.states import JobKind
from infra.local import stack
from infra.local.stack import Stack
from tasks.parameters import DeployRequest

REDIRECTS = 5
"""How many redirects a front page may lead through."""
POLLS = PROJECT_ROOT / "demo" / "polls"
_LOOK = "Give the URL or the folder of a Django project; `dz inspect PATH` shows what was looked at."
_URL = re.compile(r"[a-z][a-z0-9+.-]*://|[\w.-]+@[\w.-]+:", re.IGNORECASE)
_LOCAL_URL = re.compile(r"git://127\.0\.0\.1:\d+/")


def register(app: typer.Typer) -> None:
    """Add the command to `app`."""
    app.command("try")(try_)


@dataclass
class Stopwatch:
    """How long each step took, in seconds, in the order of their end."""

    seconds: dict[str, float] = field(default_factory=dict)

    @contextlib.contextmanager
    def step(self, name: str) -> Iterator[None]:
        """Time the block as step `name`."""
        began = time.monotonic()
        yield
        self.seconds[name] = round(time.monotonic() - began, 2)

    def add_steps_of(self, name: str, steps: dict[str, float]) -> None:
        """Add the steps of a job, under the name of its flow."""
        self.seconds |= {f"{name}/{step}": seconds for step, seconds in steps.items()}


def try_(
    source: Annotated[
        str | None, typer.Argument(metavar="[URL|PATH]", help="A git URL or a local folder; default: the polls site.")
    ] = None,
    values: Variables = None,
    in_files: Files = None,
    with_data: WithData = False,
    appservers: Annotated[int, typer.Option(min=1, help="At least so many appservers.")] = 1,
    proxies: Annotated[int, typer.Option(min=1, help="At least so many proxies.")] = 1,
    as_json: AsJson = False,
) -> None:
    """Start the local stack, deploy a Django project on it, and open its front page.

    Without an argument it is the polls site that comes with DjangoZoom.
    """
    watch, variables = Stopwatch(), given_variables(values, in_files)
    _refuse(source)
    with watch.step("stack"), shown("local stack") as progress:
        here = stack.up(appservers, proxies, progress)
    with watch.step("source"):
        url = source if source and _URL.match(source) else _served(Path(source) if source else POLLS, here)
    ask = questions.can_ask(as_json=as_json)
    zoomdb = wiring.zoomdb()
    with watch.step("check_repo"):
        # Nothing is proved here, because the deploy that follows is the proof.
        check, guesses = inspect_source(url, None, local=False, prove=False)
    watch.add_steps_of("check_repo", runs.steps(zoomdb, check.id))
    request = _request(zoomdb, url, check, guesses, variables, ask=ask)
    if with_data:
        request = request.model_copy(update={"config": zoombuild.changed(request.config, copy_data="yes")})
    with watch.step("build_and_deploy"):
        job = runs.run(JobKind.BUILD_AND_DEPLOY, request)
    lines = log.lines(zoomdb, job.id)
    watch.add_steps_of("build_and_deploy", log.step_seconds(lines))
    with watch.step("request"):
        answer = _front_page(str(job.result["url"]))
    _print(job, check, answer, here, watch.seconds, log.warnings(lines), as_json=as_json)


def _refuse(source: str | None) -> None:
    """Refuse a URL or folder that holds no project, before anything is started."""
    if source is None or _LOCAL_URL.match(source):
        return
    if _URL.match(source):
        wiring.git().source(source)
        return
    path = Path(source).expanduser()
    local_sources.refuse(path)
    if (path / ".git").exists() or not (path / "HEAD").is_file():
        found = inspect(path)
        if not found.is_django:
            raise NotDjango(f"{path.resolve()} holds no Django project that can be deployed: {found.reason}", _LOOK)


def _served(path: Path, here: Stack) -> str:
    """Publish a local folder on the stack's git server and return its URL; jobs warn of what is not in it."""
    return f"{here.git_url}/{local_sources.publish_path(path, here.git_folder).name}.git"


def _request(
    zoomdb: Zoomdb, url: str, check: JobView, guesses: list[Any], variables: dict[str, str], *, ask: bool
) -> DeployRequest:
    if not check.result.get("is_django"):
        raise NotDjango(
            f"{url} holds no Django project that can be deployed: {check.result.get('reason') or 'none was found'}",
            _LOOK,
        )
    if unmet := check.result.get("unmet"):
        raise from_record(FailureRecord(**unmet))
    config = questions.config_for(guesses, ambiguous=bool(check.result.get("ambiguous")), ask=ask)
    # A deploy creates its project itself. Variables need one before, and must be asked for before the deploy begins.
    name = _known_name(zoomdb, url)
    known = stored.of_project(zoomdb, projects.find(zoomdb, name).id) if name else {}
    missing = questions.missing_variables(guesses, {**known, **variables})
    variables = variables | questions.values_for(missing, ask=ask)
    if variables:
        project = projects.ensure(zoomdb, name=name, url=url, ref=None)
        stored.put(zoomdb, project.id, variables)
        name = project.name
    return DeployRequest(project=name, url=url, ref=None, config=config)


def _known_name(zoomdb: Zoomdb, url: str) -> str | None:
    """Return the project that has this source; the port of the local git server does not matter."""
    same = [p.name for p in projects.listed(zoomdb) if _without_port(p.source_url) == _without_port(url)]
    wanted = names.project_name_from_url(url)
    return wanted if wanted in same else next(iter(same), None)


def _without_port(url: str) -> str:
    return _LOCAL_URL.sub("git://127.0.0.1/", url)


def _front_page(url: str) -> httpx.Response:
    try:
        # Proxies named in the environment would lead away from this machine.
        with httpx.Client(trust_env=False, timeout=settings().health_timeout) as client:
            answer = client.get(url)
            # A front page that redirects to another page of the site is only as good as that page.
            for _ in range(REDIRECTS):
                if answer.next_request is None or answer.next_request.url.host != answer.url.host:
                    break
                answer = client.send(answer.next_request)
    except httpx.HTTPError as error:
        raise HealthCheckFailed(
            f"{url} was deployed, but does not answer through nginx ({type(error).__name__}).",
            "`dz status` shows whether the proxy runs.",
        ) from error
    if answer.status_code >= 500:
        raise HealthCheckFailed(
            f"{url} answers {answer.status_code} {answer.reason_phrase} through nginx.",
            "`dz status` names the log files; the site's own is the newest app-*.log of an appserver.",
        )
    return answer


def _print(
    job: JobView,
    check: JobView,
    answer: httpx.Response,
    here: Stack,
    seconds: dict[str, float],
    warnings: list[str],
    *,
    as_json: bool,
) -> None:
    url, served_by = str(job.result["url"]), answer.headers.get("X-DjangoZoom")
    if as_json:
        known = {"url": url, "job": job.id, "prefect_ui": here.prefect_ui, "project": job.project, "steps": seconds}
        more = {
            "version": job.result.get("version"),
            "check_job": check.id,
            "status": answer.status_code,
            "warnings": warnings,
            "answers": job.result.get("answers", []),
        }
        output.print_json({**known, **more, "x_djangozoom": served_by})
        return
    output.note("\nTime of each step:")
    for step, took in seconds.items():
        output.note(f"  {took:6.1f} s  {step}")
    output.note(f"\n{url} answers {answer.status_code} through nginx; X-DjangoZoom: {served_by}\n")
    if said := answers.sentence(job.result.get("answers") or []):
        output.note(f"The site is live. {said}\n")
    out = output.console(stderr=False)
    out.print(f"Site:       {url}")
    out.print(f"Prefect UI: {here.prefect_ui}   (login: {here.prefect_login or 'your server knows it'})")
