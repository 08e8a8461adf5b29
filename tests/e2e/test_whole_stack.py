"""Two projects go through workers of all roles; what a person would look at is looked at, through nginx."""

import contextlib
import json
import os
import re
import shutil
import signal
import subprocess
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import boto3
import httpx
import psutil
import psycopg2
import pytest
from sqlalchemy import select

from dz.tasklib import databases
from dz.tasklib.jobs import jobs, log
from dz.zoomdb.models import Deployment, Project, Release, Server, SitePort, VirtualHost
from tests.e2e.conftest import ROOT, Stack

CANARY = "canary-7b1f-not-for-prefect"


def _get(url: str, **options: Any) -> httpx.Response:
    return httpx.get(url, trust_env=False, timeout=20, **options)


def _commit(tree: Path, message: str) -> None:
    who = ["-c", "user.name=Owner", "-c", "user.email=owner@example.org", "-c", "safe.directory=*"]
    for words in (["init", "-q", "-b", "main"], ["add", "-A"], ["commit", "-q", "-m", message]):
        subprocess.run(["git", *who, *words], cwd=tree, check=True, capture_output=True)


@pytest.fixture(scope="module")
def polls_tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The demo in a git repository of its owner."""
    tree = tmp_path_factory.mktemp("owner") / "polls"
    shutil.copytree(ROOT / "demo" / "polls", tree, ignore=shutil.ignore_patterns("__pycache__"))
    _commit(tree, "first version")
    return tree


@pytest.fixture(scope="module")
def polls(stack: Stack, polls_tree: Path) -> dict[str, Any]:
    result: dict[str, Any] = stack.json("try", str(polls_tree))
    return result


@pytest.fixture(scope="module")
def shop(stack: Stack) -> dict[str, Any]:
    result: dict[str, Any] = stack.json(
        "try", str(ROOT / "tests" / "projects" / "src_layout"), "--set", f"PAYMENT_KEY={CANARY}"
    )
    return result


def _rows(stack: Stack, project: str, query: str) -> list[tuple[Any, ...]]:
    """Ask a project's own database with the project's own credentials."""
    zoomdb = stack.zoomdb
    with zoomdb.session() as session:
        project_id = session.scalars(select(Project.id).where(Project.name == project)).one()
    known = databases.credentials(zoomdb, project_id)
    zoomdb.close()
    place = {"host": known.host, "port": known.port, "dbname": known.name, "user": known.user}
    connection = psycopg2.connect(**place, password=known.password)
    with contextlib.closing(connection), connection.cursor() as cursor:
        cursor.execute(query)
        return list(cursor.fetchall())


def _site_urls(stack: Stack, project: str) -> list[str]:
    """The addresses of a site, one on each proxy."""
    zoomdb = stack.zoomdb
    query = select(SitePort.port).join(VirtualHost, SitePort.virtual_host_id == VirtualHost.id).join(Project)
    with zoomdb.session() as session:
        ports = list(session.scalars(query.where(Project.name == project).order_by(SitePort.server_id)))
    zoomdb.close()
    assert len(ports) == 2
    return [f"http://127.0.0.1:{port}/" for port in ports]


def test_a_second_start_changes_nothing(stack: Stack) -> None:
    before = {one["name"]: one["pid"] for one in stack.json("status")["programs"]}
    stack.json("up", "--appservers", "2", "--proxies", "2")
    assert {one["name"]: one["pid"] for one in stack.json("status")["programs"]} == before
    assert {"worker-build-1", "worker-database-1", "worker-appserver-2", "worker-proxy-2"} <= set(before)


def test_an_unmodified_sqlite_project_is_live_on_both_proxies(stack: Stack, polls: dict[str, Any]) -> None:
    for url in _site_urls(stack, "polls"):
        page = _get(url)
        assert (page.status_code, page.headers["X-DjangoZoom"]) == (200, "polls v1")
        assert "DjangoZoom polls site" in page.text
        style = re.search(r'href="(/static/[^"]+\.css)"', page.text)
        assert style
        css = _get(url.rstrip("/") + style[1])
        assert (css.status_code, css.headers["Content-Type"]) == (200, "text/css")


def test_a_vote_lands_in_the_projects_own_database(stack: Stack, polls: dict[str, Any]) -> None:
    with httpx.Client(base_url=polls["url"], trust_env=False, follow_redirects=True, timeout=20) as client:
        page = client.get("/1/").text
        token = re.search(r'name="csrfmiddlewaretoken" value="([^"]+)"', page)
        choice = re.search(r'name="choice"[^>]*value="(\d+)"', page)
        action = re.search(r'<form[^>]*action="([^"]+)"', page)
        assert token
        assert choice
        assert action
        answer = client.post(action[1], data={"csrfmiddlewaretoken": token[1], "choice": choice[1]})
    assert answer.status_code == 200
    assert _rows(stack, "polls", "select sum(votes) from polls_choice") == [(1,)]


def test_each_project_has_a_database_and_a_role_of_its_own(
    stack: Stack, polls: dict[str, Any], shop: dict[str, Any]
) -> None:
    query = "select current_database(), current_user, (select rolsuper from pg_roles where rolname = current_user)"
    [first], [second] = _rows(stack, "polls", query), _rows(stack, shop["project"], query)
    assert (first[2], second[2]) == (False, False)
    assert first[0] != second[0]
    assert first[1] != second[1]


def test_a_project_with_settings_package_and_subfolder_is_live(stack: Stack, shop: dict[str, Any]) -> None:
    page = _get(shop["url"])
    assert (page.status_code, page.headers["X-DjangoZoom"]) == (200, f"{shop['project']} v1")
    assert "Welcome to the shop" in page.text
    assert "A left-handed teapot" in page.text
    style = re.search(r'href="(/static/catalog/shop\.[0-9a-f]+\.css)"', page.text)
    assert style, "static files are not hashed"
    assert _get(shop["url"].rstrip("/") + style[1]).text.startswith("h1")
    assert _rows(stack, shop["project"], "select name from catalog_product") == [("A left-handed teapot",)]


def test_the_layers_of_each_bundle_lie_in_the_bundle_store(stack: Stack, polls: dict[str, Any]) -> None:
    here = stack.settings
    client = boto3.client(
        "s3",
        endpoint_url=here["s3_endpoint"],
        region_name=here["s3_region"],
        aws_access_key_id=here["s3_access_key"],
        aws_secret_access_key=here["s3_secret_key"],
        verify=here["s3_certificate"],
    )
    objects = {entry["Key"]: entry["Size"] for entry in client.list_objects_v2(Bucket=here["s3_bucket"])["Contents"]}
    zoomdb = stack.zoomdb
    with zoomdb.session() as session:
        manifests = [release.bundle.manifest for release in session.scalars(select(Release))]
    zoomdb.close()
    assert manifests
    for manifest in manifests:
        assert {layer["kind"] for layer in manifest["layers"]} == {"environment", "code", "static"}
        for layer in manifest["layers"]:
            assert objects[f"layers/{layer['sha256']}.tar.zst"] == layer["size"]


def test_runs_of_every_role_are_seen_in_prefect(stack: Stack, polls: dict[str, Any]) -> None:
    runs = stack.all("flow_runs")
    count = Counter(run["work_pool_name"] for run in runs if run["state_type"] == "COMPLETED")
    assert count["build"] >= 2
    assert count["database"] >= 1
    assert count["appserver"] >= 1
    assert count["proxy"] >= 2
    tags = {tag for run in stack.all("task_runs") for tag in run["tags"] if tag.startswith("role:")}
    assert tags == {"role:build", "role:database", "role:appserver", "role:proxy"}
    names = {run["name"] for run in runs}
    assert {
        "check polls",
        "deploy polls v1",
        "polls on database",
        "polls v1 on proxy-1",
        "polls v1 on proxy-2",
    } <= names
    keys = {artifact["key"] for artifact in stack.all("artifacts")}
    assert {"polls-guesses", "polls-site", "polls-progress"} <= keys


def test_no_work_queue_is_left_without_a_worker(stack: Stack, polls: dict[str, Any]) -> None:
    assert {
        (queue["name"], queue["status"]) for queue in stack.all("work_queues") if queue["status"] != "READY"
    } == set()


def test_prefect_refuses_who_has_no_password(stack: Stack) -> None:
    url = f"{stack.settings['prefect_ui_url']}/api/flow_runs/filter"
    assert httpx.post(url, json={}, trust_env=False).status_code == 401


@contextlib.contextmanager
def _visited(url: str) -> Iterator[tuple[Counter[str], list[str]]]:
    """Request a page over and over; yields how often each version answered, and what went wrong."""
    served: Counter[str] = Counter()
    failures: list[str] = []
    stop = threading.Event()

    def visit() -> None:
        while not stop.is_set():
            try:
                answer = _get(url)
                served[answer.headers.get("X-DjangoZoom", "")] += 1
                if answer.status_code != 200:
                    failures.append(str(answer.status_code))
            except httpx.HTTPError as error:
                failures.append(repr(error))
            time.sleep(0.05)

    thread = threading.Thread(target=visit)
    thread.start()
    try:
        yield served, failures
    finally:
        stop.set()
        thread.join()


def test_a_second_version_and_the_way_back_lose_no_request(
    stack: Stack, polls: dict[str, Any], polls_tree: Path
) -> None:
    page = next(path for path in polls_tree.rglob("*.html") if "polls site" in path.read_text())
    page.write_text(page.read_text().replace("polls site", "second polls site"))
    _commit(polls_tree, "second version")
    votes = "select sum(votes), count(*) from polls_choice"
    before = _rows(stack, "polls", votes)
    with _visited(polls["url"]) as (served, failures):
        second = stack.json("try", str(polls_tree))
        assert second["version"] == 2
        for url in _site_urls(stack, "polls"):
            assert _get(url).headers["X-DjangoZoom"] == "polls v2"
        assert "second polls site" in _get(second["url"]).text
        stack.json("rollback", "polls")
        for url in _site_urls(stack, "polls"):
            assert _get(url).headers["X-DjangoZoom"] == "polls v1"
        assert "second polls site" not in _get(second["url"]).text
    assert failures == []
    assert set(served) == {"polls v1", "polls v2"}
    assert sum(served.values()) > 100
    assert _rows(stack, "polls", votes) == before


_OVER = {"COMPLETED", "FAILED", "CRASHED", "CANCELLED"}


def _run_by_hand(stack: Stack, deployment: str, queue: str, parameters: dict[str, Any]) -> str:
    """Start a run of a Prefect deployment through the API, in a queue of its pool; return how it ended."""
    with stack.prefect() as client:
        found = client.get(f"/deployments/name/{deployment}").raise_for_status().json()
        body = {"state": {"type": "SCHEDULED"}, "parameters": parameters, "work_queue_name": queue}
        run = client.post(f"/deployments/{found['id']}/create_flow_run", json=body).raise_for_status().json()
        deadline = time.monotonic() + 90
        while time.monotonic() < deadline:
            state = client.get(f"/flow_runs/{run['id']}").raise_for_status().json()["state"]
            if state["type"] in _OVER:
                return f"{state['type']} {state['message']}"
            time.sleep(0.5)
    return "no end"


@contextlib.contextmanager
def _deploy_on_pool(stack: Stack, pool: str) -> Iterator[str]:
    """A Prefect deployment of `deploy` that somebody made for the pool of another role."""
    kept = ("flow_id", "entrypoint", "path", "pull_steps", "parameter_openapi_schema")
    with stack.prefect() as client:
        right = client.get("/deployments/name/deploy/deploy").raise_for_status().json()
        body = {**{field: right[field] for field in kept}, "name": "misplaced", "work_pool_name": pool}
        made = client.post("/deployments/", json={**body, "work_queue_name": "all"}).raise_for_status().json()
        try:
            yield "deploy/misplaced"
        finally:
            client.delete(f"/deployments/{made['id']}").raise_for_status()


def _deployed(stack: Stack) -> tuple[list[tuple[Any, ...]], list[str]]:
    """What zoomdb says is deployed, and the files of the servers' instances and bundles."""
    zoomdb = stack.zoomdb
    with zoomdb.session() as session:
        columns = (Deployment.id, Deployment.release_id, Deployment.server_id, Deployment.state)
        rows = [tuple(row) for row in session.execute(select(*columns).order_by(Deployment.id))]
    zoomdb.close()
    folders = [*stack.state.glob("servers/*/bundles/*/*"), *stack.state.glob("servers/*/instances/*")]
    return rows, sorted(str(folder) for folder in folders)


def test_a_deploy_that_reaches_another_server_or_role_is_refused(stack: Stack, polls: dict[str, Any]) -> None:
    zoomdb = stack.zoomdb
    with zoomdb.session() as session:
        query = select(Deployment.release_id, Server.name).join(Server, Deployment.server_id == Server.id)
        release, server = session.execute(query.order_by(Deployment.id).limit(1)).one()
    zoomdb.close()
    before = _deployed(stack)
    other = {"appserver-1": "appserver-2", "appserver-2": "appserver-1"}[server]
    parameters = {"release": release, "server": server, "job": polls["job"]}
    end = _run_by_hand(stack, "deploy/deploy", other, parameters)
    assert end.startswith("FAILED")
    assert f"meant for the server {server} reached {other}; nothing was done" in end
    with _deploy_on_pool(stack, "proxy") as misplaced:
        end = _run_by_hand(stack, misplaced, "all", parameters)
    assert end.startswith("FAILED")
    assert "Work of the role 'appserver' reached proxy-" in end
    assert _deployed(stack) == before


def test_a_run_started_through_the_api_opens_its_own_job(stack: Stack, polls: dict[str, Any]) -> None:
    zoomdb = stack.zoomdb
    before = jobs.newest(zoomdb, limit=1)[0].id
    url = f"{stack.settings['git_hosts'][-1]}/polls.git"
    end = _run_by_hand(stack, "check-repo/check-repo", "check", {"source": {"url": url}})
    assert end.startswith("COMPLETED"), end
    job = jobs.newest(zoomdb, limit=1)[0]
    zoomdb.close()
    assert (job.id > before, job.kind, job.state) == (True, "check_repo", "succeeded")
    assert job.requested_by == f"prefect:{stack.settings['prefect_auth_string'].partition(':')[0]}"


def _secrets(stack: Stack, project: str) -> list[str]:
    """A value that its owner gave, the password of a database, and the SECRET_KEY of every instance."""
    zoomdb = stack.zoomdb
    with zoomdb.session() as session:
        project_id = session.scalars(select(Project.id).where(Project.name == project)).one()
    password = databases.credentials(zoomdb, project_id).password
    zoomdb.close()
    files = list(stack.state.glob("servers/appserver-*/instances/*/env.json"))
    assert files
    return [CANARY, password, *(json.loads(file.read_text())["SECRET_KEY"] for file in files)]


def test_secrets_are_absent_from_prefect_and_from_process_lists(stack: Stack, shop: dict[str, Any]) -> None:
    secrets = _secrets(stack, shop["project"])
    kinds = ("flow_runs", "task_runs", "artifacts", "logs", "deployments", "variables")
    held = {kind: [json.dumps(found) for found in stack.all(kind)] for kind in kinds}
    assert all(held[kind] for kind in ("flow_runs", "task_runs", "artifacts", "logs"))
    seen = [text for texts in held.values() for text in texts]
    seen += [" ".join(process.info["cmdline"] or []) for process in psutil.process_iter(["cmdline"])]
    assert [text[:200] for text in seen if any(secret in text for secret in secrets)] == []


def test_secrets_lie_in_no_file_that_others_can_read(stack: Stack, shop: dict[str, Any]) -> None:
    secrets = [secret.encode() for secret in _secrets(stack, shop["project"])]
    readable = []
    for folder, _, names in os.walk(stack.state):
        for path in (Path(folder) / name for name in names):
            if not path.is_file() or path.is_symlink() or not path.stat().st_mode & 0o004:
                continue
            small = path.stat().st_size < 10**6
            if small and any(secret in path.read_bytes() for secret in secrets) and _is_reachable(path, stack.state):
                readable.append(str(path))
    assert readable == []


def _is_reachable(path: Path, state: Path) -> bool:
    return all(parent.stat().st_mode & 0o001 for parent in path.parents if parent.is_relative_to(state))


def _gunicorns(stack: Stack) -> list[psutil.Process]:
    """The masters of all app instances, not their workers: the first programs within walls."""
    found = []
    for process in psutil.process_iter(["cmdline"]):
        with contextlib.suppress(psutil.Error):
            parent = process.parent()
            words = process.info["cmdline"] or []
            if parent and any("dz_run.py" in word and str(stack.state) in word for word in words):
                found += [process] if parent.name() == "bwrap" != process.name() else []
    return found


def _within(seconds: float, question: Callable[[], bool]) -> bool:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        with contextlib.suppress(httpx.HTTPError):
            if question():
                return True
        time.sleep(0.3)
    return False


def test_a_killed_app_instance_comes_back(stack: Stack, polls: dict[str, Any]) -> None:
    killed = _gunicorns(stack)
    assert killed
    for process in killed:
        process.send_signal(signal.SIGKILL)
    psutil.wait_procs(killed, timeout=10)
    assert _within(30, lambda: len(_gunicorns(stack)) == len(killed)), "supervisord started no others"
    assert not {process.pid for process in killed} & {process.pid for process in _gunicorns(stack)}
    assert _within(30, lambda: _get(polls["url"]).status_code == 200)


def test_a_killed_worker_is_started_again_and_sites_go_on(stack: Stack, polls: dict[str, Any]) -> None:
    def worker() -> dict[str, Any]:
        return next(one for one in stack.json("status")["programs"] if one["name"] == "worker-appserver-1")

    instances = {process.pid for process in _gunicorns(stack)}
    killed = worker()["pid"]
    os.kill(killed, signal.SIGKILL)
    assert _get(polls["url"]).status_code == 200
    assert _within(30, lambda: stack.run("status").returncode == 0 and worker()["pid"] != killed)
    assert {process.pid for process in _gunicorns(stack)} == instances


@contextlib.contextmanager
def _settings_begin_with(tree: Path, line: str) -> Iterator[None]:
    """A commit whose settings begin with a line of Python, taken back at the end."""
    file = next(tree.glob("*/settings.py"))
    text = file.read_text()
    file.write_text(f"{line}\n{text}")
    _commit(tree, line)
    try:
        yield
    finally:
        file.write_text(text)
        _commit(tree, f"without {line}")


def _flow_runs(stack: Stack, role: str) -> list[psutil.Process]:
    """The processes of flow runs of a role."""
    return [
        process
        for process in psutil.process_iter(["name", "cmdline", "environ"])
        if (process.info["name"] == "dz-flow-run" or "prefect.engine" in " ".join(process.info["cmdline"] or []))
        and (process.info["environ"] or {}).get("DZ_STATE_DIR") == str(stack.state)
        and (process.info["environ"] or {}).get("DZ_ROLE") == role
    ]


def test_who_stands_by_for_a_version_that_does_not_load_goes_home(
    stack: Stack, polls: dict[str, Any], polls_tree: Path
) -> None:
    served = _get(polls["url"]).headers["X-DjangoZoom"]
    with _settings_begin_with(polls_tree, "raise RuntimeError('not today')"):
        assert stack.run("try", str(polls_tree)).returncode != 0
    job = stack.json("jobs")["jobs"][0]["id"]

    def states() -> set[tuple[str, str]]:
        ours = [
            run for run in stack.all("flow_runs") if run["parameters"].items() >= {"job": job, "standby": True}.items()
        ]
        return {(run["name"], run["state_type"]) for run in ours}

    assert _within(10, lambda: {state for _, state in states()} == {"COMPLETED"}), states()
    assert states()  # an appserver's; proxies are asked once there is a release
    assert _get(polls["url"]).headers["X-DjangoZoom"] == served


def test_a_run_that_is_killed_while_it_stands_by_costs_no_deploy(
    stack: Stack, polls: dict[str, Any], polls_tree: Path
) -> None:
    assert _within(30, lambda: not _flow_runs(stack, "appserver"))
    results: list[dict[str, Any]] = []
    with _settings_begin_with(polls_tree, "import time; time.sleep(3)"):
        deploy = threading.Thread(target=lambda: results.append(stack.json("try", str(polls_tree))))
        deploy.start()
        assert _within(30, lambda: bool(_flow_runs(stack, "appserver")))
        time.sleep(1)
        for process in _flow_runs(stack, "appserver"):
            process.send_signal(signal.SIGKILL)
        deploy.join(120)
    assert _get(polls["url"]).headers["X-DjangoZoom"] == f"polls v{results[0]['version']}"


def test_a_build_that_is_killed_is_a_crashed_job_and_the_next_one_works(
    stack: Stack, polls: dict[str, Any], polls_tree: Path
) -> None:
    served = _get(polls["url"]).headers["X-DjangoZoom"]
    deploy = threading.Thread(target=stack.run, args=("deploy", "polls", "--rebuild"))
    deploy.start()
    zoomdb = stack.zoomdb
    last = jobs.newest(zoomdb, limit=1)[0].id
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        newest = jobs.newest(zoomdb, limit=1)[0]
        if newest.id > last and newest.state == "running" and log.lines(zoomdb, newest.id):
            break
        time.sleep(0.05)
    engines = _flow_runs(stack, "build")
    assert engines
    for process in engines:
        process.send_signal(signal.SIGKILL)
    deploy.join(90)
    view = jobs.get(zoomdb, newest.id)
    zoomdb.close()
    assert view
    assert view.state == "crashed"
    assert "crashed" in {job["state"] for job in stack.json("jobs")["jobs"]}
    assert _get(polls["url"]).headers["X-DjangoZoom"] == served
    version = stack.json("deploy", "polls")["version"]
    assert _get(polls["url"]).headers["X-DjangoZoom"] == f"polls v{version}"


def test_sites_are_back_after_the_stack_was_down(stack: Stack, polls: dict[str, Any], shop: dict[str, Any]) -> None:
    served = {url: _get(url).headers["X-DjangoZoom"] for url in (polls["url"], shop["url"])}
    assert stack.run("down").returncode == 0
    assert stack.processes() == []
    names = {one["name"] for one in stack.json("up") and stack.json("status")["programs"]}
    assert {"worker-appserver-2", "worker-proxy-2"} <= names
    for url, version in served.items():
        assert _within(60, lambda url=url: _get(url).status_code == 200), url  # type: ignore[misc]
        assert _get(url).headers["X-DjangoZoom"] == version
