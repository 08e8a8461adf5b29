"""One start of the local stack: what waits for what."""

import contextlib
import functools
import json
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from dz.adapters import files
from dz.adapters.ports import is_free
from dz.errors import PortTaken, ServiceUnavailable, StackProblem
from dz.settings import PROJECT_ROOT, settings
from dz.zoomdb import Zoomdb
from dz.zoomdb.encryption import create_key_file
from infra.local import begin, certificates, checkout, leftovers, ports, postgres, prefect_server, questions, s3
from infra.local.configuration import Configuration
from infra.local.programs import Program, base_environment
from infra.local.supervisor import Supervisor

Progress = Callable[[str, float | None, str], None]
"""Called with a step's name, None when it begins or its seconds when it is done, and a detail for people."""


@dataclass(frozen=True)
class Stack:
    """A running stack.

    Args:
        state_dir: the folder of everything it keeps.
        prefect_ui: the address of Prefect's UI.
        prefect_login: `user:password` for it, if the server is the stack's own.
        git_folder, git_url: folder and address of the local git server.
        extensions: PostgreSQL extensions that sites can use; empty if the server is not the stack's own.
        seconds: how long it took, by step.
    """

    state_dir: Path
    prefect_ui: str
    prefect_login: str | None
    git_folder: Path
    git_url: str
    appservers: int
    proxies: int
    extensions: tuple[str, ...]
    seconds: dict[str, float]


class Start:
    """One run of `up`."""

    def __init__(self, configuration: Configuration, progress: Progress) -> None:
        self._of = configuration
        self._layout = configuration.layout
        self._supervisor = Supervisor(self._layout)
        self._seconds: dict[str, float] = {}
        self._step = functools.partial(step, progress=progress, seconds=self._seconds)
        self._extensions: tuple[str, ...] = ()

    def run(self) -> Stack:
        """Start slow things first, and wait for each only where the next needs it."""
        self._prepare()
        programs = self._programs()
        self._refuse_taken_ports(programs)
        self._supervisor.configure(programs)
        self._supervisor.start(one.name for one in [*self._of.services(), *self._of.front()])
        with ThreadPoolExecutor() as pool:
            tasks = [pool.submit(self._start_platform), pool.submit(self._start_store), pool.submit(self._start_sites)]
            for task in tasks:
                task.result()
        self._roll_out()
        with self._step("workers"):
            self._supervisor.start(one.name for one in self._of.workers())
            self._refuse_dead()
        with self._step("answers"):
            self._wait_for_answers()
        return self._stack()

    def _prepare(self) -> None:
        with self._step("prepare"):
            create_key_file(self._of.key_file)
            certificates.ensure(*self._of.tls)
            postgres.service_user()
            if not self._supervisor.alive():
                leftovers.end(leftovers.find(stack=self._layout.name, state=self._layout.state))
                self._layout.supervisor_socket.unlink(missing_ok=True)
            with ThreadPoolExecutor() as pool:
                list(pool.map(lambda cluster: cluster.initialise(), self._of.clusters))
            files.write_if_changed(self._layout.settings, json.dumps(self._of.settings(), indent=2) + "\n", mode=0o600)
            settings.cache_clear()

    def _programs(self) -> list[Program]:
        of = self._of
        found = [*of.services(), *of.prefect(), *of.front(), *of.workers()]
        known = json.dumps({one.name: one.port for one in found})
        files.write_if_changed(self._layout.state / "programs.json", known, mode=0o600)
        return found

    def _refuse_taken_ports(self, programs: list[Program]) -> None:
        up_already = {one.name for one in self._supervisor.statuses() if one.pid}
        for keeper in (one for one in programs if one.keeps):
            if {keeper.name, str(keeper.keeps)} & up_already:
                up_already |= {keeper.name, str(keeper.keeps)}
        for program in programs:
            if not program.port or program.name in up_already or is_free(program.port):
                continue
            if not (program.children_in and begin.left_behind(program.children_in)):
                raise PortTaken(
                    f"Port {program.port}, which {program.name} needs, is in use by {ports.listener(program.port)}.",
                    f"Stop that program; or stop the stack, change the number in {self._layout.state}/ports.json and "
                    "run `dz up` again.",
                )

    def _start_platform(self) -> None:
        own = {cluster.name for cluster in self._of.clusters}
        if "platform" in own:
            with self._step("platform database"):
                self._create_databases()
        self._supervisor.start(one.name for one in self._of.prefect())
        with self._step("zoomdb"):
            here = self._of.settings()
            if not self._done:
                zoomdb = Zoomdb(here["zoomdb_url"], self._of.key_file)
                zoomdb.migrate()
                zoomdb.close()
        with self._step("Prefect server"):
            prefect_server.wait(self._of.api_url, here["prefect_certificate"])

    def _create_databases(self) -> None:
        cluster = self._of.cluster("platform")
        cluster.wait()
        if "prefect_api_url" not in self._of.external:
            cluster.create_database("prefect", self._of.secret("prefect-database.password"))
        if "zoomdb_url" not in self._of.external:
            cluster.create_database("zoomdb", self._of.secret("zoomdb.password"))

    def _start_sites(self) -> None:
        for cluster in self._of.clusters:
            if cluster.name == "sites":
                with self._step("sites' database server"):
                    cluster.wait()
                    self._extensions = tuple(cluster.extensions())

    def _start_store(self) -> None:
        if self._of.own_s3:
            with self._step("bundle store"):
                here = self._of.settings()
                s3.ensure_bucket(**s3.place(here), timeout=60)

    def _roll_out(self) -> None:
        """Register pools, queues and Prefect deployments, unless this checkout has already done so."""
        with self._step("roll out"):
            if self._done:
                return
            env = base_environment(self._layout.name) | self._of.prefect_environment()
            env |= {"DZ_STATE_DIR": str(self._layout.state), "PYTHONPATH": str(PROJECT_ROOT)}
            log = self._layout.logs / "rollout.log"
            with log.open("wb") as output:
                argv = [sys.executable, "-m", "deployments.rollout"]
                code = subprocess.call(
                    argv, cwd=PROJECT_ROOT, env=env, stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT
                )
            if code != 0:
                raise StackProblem(
                    f"The rollout to Prefect's server failed: {log.read_text()[-600:].strip()}",
                    f"Read {log}, correct the cause and run `dz up` again.",
                )
            files.write_if_changed(self._layout.state / "rolled-out", self._version(), mode=0o600)

    @functools.cached_property
    def _done(self) -> bool:
        """Whether this checkout has migrated zoomdb and registered everything in Prefect already."""
        mark = self._layout.state / "rolled-out"
        return mark.exists() and mark.read_text() == self._version()

    def _version(self) -> str:
        outside = sorted(self._of.external)
        return f"{self._of.code} {checkout.rollout()} {self._of.api_url} {outside}\n"

    def _refuse_dead(self) -> None:
        """Wait until the supervisor reports every program as running, or raise ServiceUnavailable."""
        deadline = time.monotonic() + 30
        while waiting := [one for one in self._supervisor.statuses() if one.state != "RUNNING"]:
            dead = [one for one in waiting if one.state in {"FATAL", "BACKOFF", "EXITED"}]
            if time.monotonic() > deadline or any(one.state == "FATAL" for one in waiting):
                one = (dead or waiting)[0]
                raise ServiceUnavailable(
                    f"{one.name} does not run ({one.state}).", f"Read {one.log}, then run `dz up` again."
                )
            time.sleep(0.1)

    def _wait_for_answers(self) -> None:
        """Ask every service, until all answer: work that is sent earlier would be refused."""
        logs = {one.name: one.log for one in self._supervisor.statuses()}
        deadline = time.monotonic() + 90
        wrong = questions.ask(self._of)
        while wrong := {name: found for name, found in wrong.items() if found}:
            if time.monotonic() > deadline:
                name = min(wrong)
                raise ServiceUnavailable(
                    f"{name} does not do its work: it {wrong[name]}.", f"Read {logs.get(name)}, then run `dz up` again."
                )
            time.sleep(0.25)
            wrong = questions.ask(self._of, wrong)
        questions.since(self._of, {})

    def _stack(self) -> Stack:
        of = self._of
        return Stack(
            state_dir=self._layout.state,
            prefect_ui=of.ui_url,
            prefect_login=of.auth_string if "prefect_api_url" not in of.external else None,
            git_folder=self._layout.git,
            git_url=of.git_host,
            appservers=of.appservers,
            proxies=of.proxies,
            extensions=self._extensions,
            seconds=self._seconds,
        )


@contextlib.contextmanager
def step(name: str, progress: Progress, seconds: dict[str, float]) -> Iterator[None]:
    """Tell when a step begins and ends, and keep how long it took."""
    progress(name, None, "")
    began = time.monotonic()
    yield
    seconds[name] = round(time.monotonic() - began, 2)
    progress(name, seconds[name], "")
