"""Asks every service of a local stack whether it does its work: a process that its supervisor sees running may not."""

import datetime as dt
import functools
import json
import socket
import ssl
from collections.abc import Callable, Collection, Sequence
from concurrent.futures import ThreadPoolExecutor

import httpx
import psycopg2
from sqlalchemy import make_url

from dz.adapters import files
from dz.adapters.nginx import Nginx
from dz.adapters.ports import is_free
from dz.errors import DzError
from dz.tasklib.servers import servers
from dz.tasklib.servers.servers import SILENT_AFTER
from dz.zoomdb import Zoomdb
from infra.local import s3
from infra.local.configuration import Configuration
from infra.local.postgres import Cluster

SECONDS = 5
"""How long a service may take to answer."""
_LS_REMOTE = b"git-upload-pack /asked-by-dz-status\0host=127.0.0.1\0"


def ask(of: Configuration, only: Collection[str] | None = None) -> dict[str, str]:
    """Return by the name of each program what is wrong with it; an empty text: it answers.

    Args:
        only: the names of those to ask; None: all.
    """
    workers = [one.name for one in of.workers() if only is None or one.name in only]
    questions = {name: one for name, one in _questions(of).items() if only is None or name in only}
    with ThreadPoolExecutor(8) as threads:
        answers = {name: threads.submit(_answer, question) for name, question in questions.items()}
        found = {name: answer.result() for name, answer in answers.items()}
    return found | (_ask_workers(of, workers) if workers else {})


def since(of: Configuration, found: dict[str, str]) -> dict[str, dt.datetime]:
    """Return since when each service that does not answer has not; they are remembered from one call to the next."""
    memory = of.layout.state / "silent.json"
    try:
        before = json.loads(memory.read_text())
    except (OSError, ValueError):
        before = {}
    now = dt.datetime.now(dt.UTC).isoformat(timespec="seconds")
    silent = {name: str(before.get(name, now)) for name, wrong in found.items() if wrong}
    if silent != before:
        files.write(memory, json.dumps(silent), mode=0o600)
    return {name: dt.datetime.fromisoformat(time) for name, time in silent.items()}


def _questions(of: Configuration) -> dict[str, Callable[[], str]]:
    here = of.settings()
    urls = {"platform": here["zoomdb_url"], "sites": here["sites_database_url"]}
    found: dict[str, Callable[[], str]] = {}
    for cluster in of.clusters:
        found[cluster.program.name] = functools.partial(_database, urls[cluster.name], cluster)
    if of.own_s3:
        found["s3"] = functools.partial(s3.refusal, **s3.place(here), timeout=SECONDS)
    found["git"] = functools.partial(_git, of.ports.git)
    for program in of.prefect():
        kept = functools.partial(_kept, program.port or 0)
        found[program.name] = kept if program.keeps else functools.partial(_prefect, of.api_url, of.api_certificate)
    for number in range(1, of.proxies + 1):
        found[f"nginx-{number}"] = functools.partial(_nginx, of.nginx(number))
    for number in range(1, of.appservers + 1):
        found[f"apps-{number}"] = functools.partial(_supervisord, of, number)
    return found


def _answer(question: Callable[[], str]) -> str:
    try:
        return question()
    except (DzError, OSError, httpx.HTTPError, psycopg2.Error) as error:
        return " ".join(str(error).split())[:200] or type(error).__name__


def _database(url: str, cluster: Cluster) -> str:
    place = make_url(url)
    # The socket is the server's own, also where zoomdb is another's.
    connection = psycopg2.connect(
        host=str(cluster.sockets),
        port=cluster.port,
        user=place.username,
        password=place.password,
        dbname=place.database,
        connect_timeout=SECONDS,
        options=f"-c statement_timeout={SECONDS * 1000}",
    )
    try:
        with connection.cursor() as cursor:
            cursor.execute("select 1")
    finally:
        connection.close()
    return ""


def _git(port: int) -> str:
    """Ask for a repository that is not there: a server that says so works."""
    with socket.create_connection(("127.0.0.1", port), timeout=SECONDS) as connection:
        connection.sendall(b"%04x" % (len(_LS_REMOTE) + 4) + _LS_REMOTE)
        answer = connection.recv(200)
    return "" if b"ERR" in answer else "does not answer as a git server"


def _prefect(api_url: str, certificate: str | None) -> str:
    verify = ssl.create_default_context(cafile=certificate) if certificate else True
    answer = httpx.get(f"{api_url}/ready", timeout=SECONDS, trust_env=False, verify=verify)
    return "" if answer.status_code == 200 else f"answers {answer.status_code} when it is asked whether it is ready"


def _kept(port: int) -> str:
    return "does not keep its ports" if is_free(port) else ""


def _nginx(nginx: Nginx) -> str:
    found, wanted = nginx.generation(), nginx.wanted()
    if found is None:
        return f"does not answer on its port {nginx.status_port}"
    # A deploy may be changing it just now.
    return "" if wanted in (found, nginx.generation()) else "has not loaded the configuration that is on disk"


def _supervisord(of: Configuration, number: int) -> str:
    return "" if of.app_supervisor(number).answers() else "takes no orders at its socket"


def _ask_workers(of: Configuration, names: Sequence[str]) -> dict[str, str]:
    """A worker has told of itself, and has asked Prefect for work, in the last seconds."""
    zoomdb = Zoomdb(of.settings()["zoomdb_url"], of.key_file)
    try:
        known = {server.name: server for server in servers.listed(zoomdb)}
    except DzError as error:
        return dict.fromkeys(names, f"is not known: {error.found}")
    finally:
        zoomdb.close()
    return {name: _worker(known.get(name.removeprefix("worker-"))) for name in names}


def _worker(server: servers.ServerView | None) -> str:
    if server is None or server.heartbeat is None:
        return "has not told of itself yet"
    if not server.alive:
        return f"has not told of itself for more than {SILENT_AFTER} s"
    if server.polled is None:
        return "has not asked Prefect's server for work yet"
    if server.polled > SILENT_AFTER:
        return f"has not asked Prefect's server for work for {server.polled:.0f} s"
    return ""
