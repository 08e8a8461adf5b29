"""What a site's web process does: long answers, large headers, streams, websockets, ranges of uploads."""

import http.client
import time
import urllib.parse
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select
from websockets.sync.client import connect

from dz import wiring
from dz.tasklib.appservers.instance import program_name
from dz.tasklib.jobs import jobs, log
from dz.zoomdb.models import Deployment
from dz.zoomdb.states import LIVE
from tests.flows.conftest import Platform

PROJECTS = Path(__file__).parents[1] / "projects"


def _deploy(platform: Platform, case: str, **request: Any) -> tuple[int, list[str]]:
    """Deploy a sample project; return its port, and what its job has warned of."""
    from flows.build_and_deploy import build_and_deploy  # noqa: PLC0415
    from tasks.parameters import DeployRequest  # noqa: PLC0415

    build_and_deploy(DeployRequest(url=platform.publish(case, PROJECTS / case), **request))
    job = jobs.newest(platform.zoomdb, limit=1)[0]
    said = [line.message for line in log.lines(platform.zoomdb, job.id) if line.type == "warn"]
    return int(urllib.parse.urlsplit(job.result["url"]).port or 0), said


class Site:
    """A live site, asked through nginx."""

    def __init__(self, port: int, warnings: list[str]) -> None:
        self.port = port
        self.warnings = warnings

    def ask(self, path: str, *, method: str = "GET", body: bytes | None = None, **headers: str) -> Any:
        """Return the answer, whose body is read into `content`."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        try:
            named = {name.replace("_", "-"): value for name, value in headers.items()}
            connection.request(method, path, body=body, headers=named)
            answer: Any = connection.getresponse()
            answer.content = answer.read()
            return answer
        finally:
            connection.close()

    def first_line_after(self, path: str, **headers: str) -> tuple[bytes, float, float]:
        """Return the first line of an answer, and the seconds until it and until the end."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        began = time.monotonic()
        connection.request("GET", path, headers=headers)
        answer = connection.getresponse()
        line = answer.readline()
        first = time.monotonic() - began
        answer.read()
        connection.close()
        return line, first, time.monotonic() - began


_LIVE: dict[str, Site] = {}


@pytest.fixture
def shop(platform: Platform, beating: None) -> Site:
    """A WSGI site, deployed once for the tests of this file."""
    config = "[project]\nrequest_body_mb = 1\n"
    if "shop" not in _LIVE:
        _LIVE["shop"] = Site(*_deploy(platform, "web_shop", config=config))
    return _LIVE["shop"]


@pytest.fixture
def chat(platform: Platform, beating: None) -> Site:
    """An ASGI site, deployed once for the tests of this file."""
    if "chat" not in _LIVE:
        _LIVE["chat"] = Site(*_deploy(platform, "web_chat"))
    return _LIVE["chat"]


def test_options_of_the_start_command_are_taken_over_or_named(shop: Site) -> None:
    assert "Procfile:1: --statsd-host is not taken over: DjangoZoom has nothing for it." in shop.warnings
    assert "Procfile:1: DjangoZoom itself sees to --bind." in shop.warnings
    assert len({shop.ask("/").content for _ in range(5)}) == 1, "one worker"


def test_an_answer_may_take_longer_than_a_worker_may_be_silent_and_others_do_not_wait_for_it(shop: Site) -> None:
    with ThreadPoolExecutor() as threads:
        long = threads.submit(shop.ask, "/export/?seconds=4")
        began = time.monotonic()
        assert shop.ask("/").status == 200
        assert time.monotonic() - began < 3
        assert (long.result().status, long.result().content) == (200, b"exported")


def test_headers_and_bodies_are_as_large_as_the_plan_says(shop: Site) -> None:
    answer = shop.ask("/cookies/")
    assert (answer.status, len(answer.msg.get_all("Set-Cookie"))) == (200, 9)
    assert shop.ask("/?q=" + "x" * 8000).status == 200
    assert shop.ask("/", X_Long="x" * 8000).content.split()[1] == b"8000"
    assert shop.ask("/upload/a.bin", method="POST", body=b"x" * 1_000_000).status == 200
    assert shop.ask("/upload/b.bin", method="POST", body=b"x" * 1_100_000).status == 413


def test_parts_of_an_answer_arrive_when_they_are_sent(shop: Site, chat: Site) -> None:
    for line, first, whole in (shop.first_line_after("/parts/"), chat.first_line_after("/events/")):
        assert b"first" in line
        assert first < 1.5 < whole


def test_an_upload_is_sent_in_ranges(shop: Site) -> None:
    video = bytes(range(256)) * 400
    for name in ("film.mp4", "page.html"):
        assert shop.ask(f"/upload/films/{name}", method="POST", body=video).content == f"films/{name}".encode()
    whole = shop.ask("/media/films/film.mp4")
    assert (whole.status, whole.content, whole.headers["Content-Type"]) == (200, video, "video/mp4")
    assert whole.headers["Accept-Ranges"] == "bytes"
    first = shop.ask("/media/films/film.mp4", Range="bytes=0-1")
    assert (first.status, first.content) == (206, b"\0\1")
    assert first.headers["Content-Range"] == "bytes 0-1/102400"
    assert shop.ask("/media/films/film.mp4", Range="bytes=-3").content == video[-3:]
    beyond = shop.ask("/media/films/film.mp4", Range="bytes=102400-")
    assert (beyond.status, beyond.headers["Content-Range"]) == (416, "bytes */102400")
    etag = whole.headers["ETag"]
    assert shop.ask("/media/films/film.mp4", Range="bytes=0-1", If_Range=etag).status == 206
    assert shop.ask("/media/films/film.mp4", Range="bytes=0-1", If_Range='"other"').status == 200
    assert shop.ask("/media/films/film.mp4", If_None_Match=etag).status == 304
    parts = shop.ask("/media/films/film.mp4", Range="bytes=0-1,5-6")
    assert parts.status == 206
    assert parts.headers["Content-Type"].startswith("multipart/byteranges; boundary=")
    assert b"Content-Range: bytes 5-6/102400\r\n\r\n\5\6\r\n" in parts.content
    # Whoever uploads a page must not run scripts on the site.
    assert shop.ask("/media/films/page.html").headers["Content-Security-Policy"] == "sandbox"
    for path in ("/media/films", "/media/..%2fdb.sqlite3", "/media/films/", "/media/none.mp4"):
        assert shop.ask(path).status in {400, 404}, path


def test_websockets_are_answered(chat: Site, platform: Platform) -> None:
    assert any("websockets was added" in warning for warning in chat.warnings)
    with connect(f"ws://127.0.0.1:{chat.port}/ws/echo/", compression=None) as socket:
        socket.send("hello")
        assert socket.recv(timeout=20) == "echo hello"
        with platform.zoomdb.session() as session:
            query = select(Deployment.id).where(Deployment.state.in_(LIVE)).order_by(Deployment.id.desc())
            newest = session.scalars(query).first()
        assert newest is not None
        began = time.monotonic()
        wiring.supervisor("appserver-1").remove(program_name(newest))
        assert time.monotonic() - began < 20, "an open websocket does not hold up what ends an instance"
