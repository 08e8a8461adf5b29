"""What a site answers whose front page is an error."""

import threading
from collections.abc import Iterator
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from dz.tasklib.appservers import answers
from dz.tasklib.appservers.instance import AppInstance
from tests.manifests import MANIFEST

STATUS = {"/": 404, "/admin/": 302, "/admin/login/?next=/admin/": 200, "/api/": 401, "/away/": 301, "/healthz": 200}
TARGETS = {"/admin/": "/admin/login/?next=/admin/", "/away/": "https://other.example/"}


class Site(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(STATUS.get(self.path, 500))
        if self.path in TARGETS:
            self.send_header("Location", TARGETS[self.path])
        self.end_headers()

    def log_message(self, *words: object) -> None:
        pass


@pytest.fixture
def instance() -> Iterator[AppInstance]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Site)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    manifest = replace(MANIFEST, known_paths=("/healthz", "/admin/", "/api/", "/away/"))
    yield AppInstance(
        1,
        1,
        1,
        "p00000001",
        "127.0.0.1",
        server.server_port,
        ("shop.localhost",),
        manifest,
        hooks_done=True,
        folder=Path("/srv"),
    )
    server.shutdown()
    thread.join()
    server.server_close()


def test_the_known_pages_are_asked_where_the_first_is_an_error(instance: AppInstance) -> None:
    found = answers.of(instance, 404)
    assert [(one["path"], one["status"]) for one in found] == [
        ("/", 404),
        ("/healthz", 200),
        ("/admin/", 200),
        ("/api/", 401),
        ("/away/", 301),
    ]
    assert answers.sentence(found) == (
        "/ answers 404 Not Found, /api/ answers 401 Unauthorized, /away/ answers 301 Moved Permanently. "
        "/healthz and /admin/ answer 200."
    )


def test_a_site_whose_first_page_is_well_is_asked_nothing_more(instance: AppInstance) -> None:
    found = answers.of(instance, 302)
    assert found == [{"path": "/", "status": 302}]
    assert answers.sentence(found) == ""


def test_a_site_that_answers_nowhere_else_says_what_it_answers() -> None:
    assert answers.sentence([{"path": "/", "status": 401}]) == "/ answers 401 Unauthorized."
    assert answers.sentence([]) == ""
