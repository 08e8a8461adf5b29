"""Two projects go through workers of all roles; what a person would look at is looked at, through nginx."""

import contextlib
import os
import re
import shutil
import signal
import subprocess
import threading
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import httpx
import psutil
import psycopg2
import pytest
from sqlalchemy import func, select

from dz.tasklib import databases, jobs
from dz.zoomdb.models import Deployment, Project, Release, Server
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
    with contextlib.closing(psycopg2.connect(**place, password=known.password)) as connection:
        with connection.cursor() as cursor:
            cursor.execute(query)
            return list(cursor.fetchall())


def _site_urls(stack: Stack, url: str) -> list[str]:
    """The address of a site on each of the two proxies: they have the same range, a block of ports apart."""
    port = int(url.rsplit(":", 1)[1].strip("/"))
    offsets = {1: 0, 2: 50}
    return [f"http://127.0.0.1:{port + offset}/" for offset in offsets.values()]


def test_a_second_start_changes_nothing(stack: Stack) -> None:
    before = {one["name"]: one["pid"] for one in stack.json("status")["programs"]}
    stack.json("up", "--appservers", "2", "--proxies", "2")
    assert {one["name"]: one["pid"] for one in stack.json("status")["programs"]} == before
    assert {"worker-build-1", "worker-database-1", "worker-appserver-2", "worker-proxy-2"} <= set(before)


def test_an_unmodified_sqlite_project_is_live_on_both_proxies(stack: Stack, polls: dict[str, Any]) -> None:
    for url in _site_urls(stack, polls["url"]):
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
    )
    keys = {entry["Key"] for entry in client.list_objects_v2(Bucket=here["s3_bucket"])["Contents"]}
    zoomdb = stack.zoomdb
    with zoomdb.session() as session:
        manifest = session.scalars(select(Release)).first().bundle.manifest  # type: ignore[union-attr]
    zoomdb.close()
    assert {f"layers/{layer['sha256']}.tar.zst" for layer in manifest["layers"]} <= keys


def test_runs_of_every_role_are_seen_in_prefect(stack: Stack, polls: dict[str, Any]) -> None:
    runs = stack.all("flow_runs")
    count = Counter(run["work_pool_name"] for run in runs if run["state_type"] == "COMPLETED")
    assert count["build"] >= 2
    assert count["database"] >= 1
    assert count["appserver"] >= 1
    assert count["proxy"] >= 2
    tags = {tag for run in stack.all("task_runs") for tag in run["tags"] if tag.startswith("role:")}
    assert tags == {"role:build", "role:database", "role:appserver", "role:proxy"}
    keys = {artifact["key"] for artifact in stack.all("artifacts")}
    assert {f"guesses-{polls['check_job']}", f"site-{polls['job']}", f"job-{polls['job']}"} <= keys


def test_prefect_refuses_who_has_no_password(stack: Stack) -> None:
    url = f"{stack.settings['prefect_api_url']}/flow_runs/filter"
    assert httpx.post(url, json={}, trust_env=False).status_code == 401


@contextlib.contextmanager
def _visited(url: str) -> Iterator[list[str]]:
    """Request a page over and over; yields what went wrong."""
    failures: list[str] = []
    stop = threading.Event()

    def visit() -> None:
        while not stop.is_set():
            try:
                answer = _get(url)
                if answer.status_code != 200:
                    failures.append(str(answer.status_code))
            except httpx.HTTPError as error:
                failures.append(repr(error))
            time.sleep(0.05)

    thread = threading.Thread(target=visit)
    thread.start()
    try:
        yield failures
    finally:
        stop.set()
        thread.join()


def test_a_second_version_and_the_way_back_lose_no_request(
    stack: Stack, polls: dict[str, Any], polls_tree: Path
) -> None:
    page = next(path for path in polls_tree.rglob("*.html") if "polls site" in path.read_text())
    page.write_text(page.read_text().replace("polls site", "second polls site"))
    _commit(polls_tree, "second version")
    with _visited(polls["url"]) as failures:
        second = stack.json("try", str(polls_tree))
        assert second["version"] == 2
        for url in _site_urls(stack, second["url"]):
            assert _get(url).headers["X-DjangoZoom"] == "polls v2"
        assert "second polls site" in _get(second["url"]).text
        stack.json("rollback", "polls")
        for url in _site_urls(stack, second["url"]):
            assert _get(url).headers["X-DjangoZoom"] == "polls v1"
        assert "second polls site" not in _get(second["url"]).text
    assert failures == []
    assert _rows(stack, "polls", "select count(*) from polls_question")[0][0] >= 1


def _run_by_hand(stack: Stack, name: str, queue: str, parameters: dict[str, Any], *, pool: str | None = None) -> str:
    """Start a flow run straight through the API and return its end: state and message."""
    with stack.prefect() as client:
        deployment = client.get(f"/deployments/name/{name}/{name}").json()
        body: dict[str, Any] = {"state": {"type": "SCHEDULED"}, "parameters": parameters, "work_queue_name": queue}
        if pool:
            queues = client.post(f"/work_pools/{pool}/queues/filter", json={}).json()
            queue_id = next(found["id"] for found in queues if found["name"] == queue)
            body = {
                "flow_id": deployment["flow_id"],
                "deployment_id": deployment["id"],
                "state": {"type": "SCHEDULED"},
                "parameters": parameters,
                "work_queue_id": queue_id,
            }
            run = client.post("/flow_runs/", json=body).json()
        else:
            run = client.post(f"/deployments/{deployment['id']}/create_flow_run", json=body).json()
        deadline = time.monotonic() + 90
        while time.monotonic() < deadline:
            state = client.get(f"/flow_runs/{run['id']}").json()["state"]
            if state["type"] in {"COMPLETED", "FAILED", "CRASHED", "CANCELLED"}:
                return f"{state['type']} {state['message']}"
            time.sleep(0.5)
    return "no end"


def test_a_deploy_that_reaches_another_appserver_is_refused(stack: Stack, polls: dict[str, Any]) -> None:
    zoomdb = stack.zoomdb
    with zoomdb.session() as session:
        query = select(Deployment.release_id, Server.name).join(Server, Deployment.server_id == Server.id)
        release, server = session.execute(query.order_by(Deployment.id).limit(1)).one()
        before = session.scalar(select(func.count()).select_from(Deployment))
    other = {"appserver-1": "appserver-2", "appserver-2": "appserver-1"}[server]
    parameters = {"release": release, "server": server, "job": polls["job"]}
    end = _run_by_hand(stack, "deploy", other, parameters)
    assert end.startswith("FAILED")
    assert "nothing was done" in end
    with zoomdb.session() as session:
        assert session.scalar(select(func.count()).select_from(Deployment)) == before
    zoomdb.close()
    assert not (stack.state / "servers" / other / "instances").exists() or not any(
        (stack.state / "servers" / other / "bundles" / "p00000001").glob("*")
    )


def test_a_run_started_through_the_api_opens_its_own_job(stack: Stack, polls: dict[str, Any]) -> None:
    zoomdb = stack.zoomdb
    before = jobs.newest(zoomdb, limit=1)[0].id
    url = f"{stack.settings['git_hosts'][-1]}/polls.git"
    end = _run_by_hand(stack, "check-repo", "check", {"source": {"url": url}})
    assert end.startswith("COMPLETED"), end
    job = jobs.newest(zoomdb, limit=1)[0]
    zoomdb.close()
    assert (job.id > before, job.kind, job.state) == (True, "check_repo", "succeeded")
    assert job.requested_by.startswith("prefect:")


def test_secrets_are_absent_from_prefect_and_from_process_lists(stack: Stack, shop: dict[str, Any]) -> None:
    zoomdb = stack.zoomdb
    with zoomdb.session() as session:
        project_id = session.scalars(select(Project.id).where(Project.name == shop["project"])).one()
    secrets = [CANARY, databases.credentials(zoomdb, project_id).password]
    zoomdb.close()
    seen = [str(found) for kind in ("flow_runs", "task_runs", "artifacts", "logs") for found in stack.all(kind)]
    seen += [" ".join(process.info["cmdline"] or []) for process in psutil.process_iter(["cmdline"])]
    assert len(seen) > 50
    assert [text[:200] for text in seen if any(secret in text for secret in secrets)] == []


def test_secrets_lie_in_no_file_that_others_can_read(stack: Stack, shop: dict[str, Any]) -> None:
    readable = []
    for folder, _, names in os.walk(stack.state):
        for name in names:
            path = Path(folder) / name
            if path.is_file() and not path.is_symlink() and path.stat().st_mode & 0o004 and path.stat().st_size < 10**6:
                if CANARY.encode() in path.read_bytes() and _is_reachable(path, stack.state):
                    readable.append(str(path))
    assert readable == []


def _is_reachable(path: Path, state: Path) -> bool:
    return all(parent.stat().st_mode & 0o001 for parent in path.parents if parent.is_relative_to(state))


def test_a_killed_app_instance_comes_back(stack: Stack, polls: dict[str, Any]) -> None:
    gunicorns = [
        process
        for process in psutil.process_iter(["cmdline"])
        if any("dz_run.py" in word and str(stack.state) in word for word in process.info["cmdline"] or [])
        and process.parent()
        and "supervisord" in " ".join(process.parent().cmdline())  # type: ignore[union-attr]
    ]
    assert gunicorns
    for process in gunicorns:
        process.send_signal(signal.SIGKILL)
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        with contextlib.suppress(httpx.HTTPError):
            if _get(polls["url"]).status_code == 200:
                return
        time.sleep(0.3)
    pytest.fail("the site did not come back")


def test_a_build_that_is_killed_is_a_crashed_job_and_the_next_one_works(
    stack: Stack, polls: dict[str, Any], polls_tree: Path
) -> None:
    served = _get(polls["url"]).headers["X-DjangoZoom"]
    deploy = threading.Thread(target=stack.run, args=("deploy", "polls"))
    deploy.start()
    zoomdb = stack.zoomdb
    last = jobs.newest(zoomdb, limit=1)[0].id
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        newest = jobs.newest(zoomdb, limit=1)[0]
        if newest.id > last and newest.state == "running" and jobs.lines(zoomdb, newest.id):
            break
        time.sleep(0.05)
    engines = [
        process
        for process in psutil.process_iter(["cmdline", "environ"])
        if "prefect.engine" in " ".join(process.info["cmdline"] or [])
        and (process.info["environ"] or {}).get("DZ_STATE_DIR") == str(stack.state)
        and (process.info["environ"] or {}).get("DZ_ROLE") == "build"
    ]
    assert engines
    for process in engines:
        process.send_signal(signal.SIGKILL)
    deploy.join(90)
    view = jobs.show(zoomdb, newest.id)
    zoomdb.close()
    assert view
    assert view.state == "crashed"
    assert _get(polls["url"]).headers["X-DjangoZoom"] == served
    assert stack.json("deploy", "polls")["state"] == "succeeded"
    assert _get(polls["url"]).headers["X-DjangoZoom"] != served


def test_sites_are_back_after_the_stack_was_down(stack: Stack, polls: dict[str, Any], shop: dict[str, Any]) -> None:
    stack.run("down")
    left = [
        process.pid
        for process in psutil.process_iter(["environ", "cmdline"])
        if str(stack.state) in " ".join(process.info["cmdline"] or [])
    ]
    assert left == []
    stack.json("up")
    deadline = time.monotonic() + 60
    waiting = {polls["url"], shop["url"]}
    while waiting and time.monotonic() < deadline:
        for url in list(waiting):
            with contextlib.suppress(httpx.HTTPError):
                if _get(url).status_code == 200:
                    waiting.discard(url)
        time.sleep(0.3)
    assert waiting == set()
