import shutil
import subprocess
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from dz.cli import try_
from dz.errors import HealthCheckFailed, InvalidRepoUrl, NotDjango, RepoUnreachable
from infra.local.stack import Stack


class Site(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(int(self.path.strip("/") or 200))
        self.send_header("X-DjangoZoom", "polls/1")
        self.end_headers()

    def log_message(self, *words: object) -> None:
        pass


@pytest.fixture
def site() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Site)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


def test_the_front_page_is_asked_for_without_the_proxies_of_the_environment(site: str, monkeypatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
    monkeypatch.setenv("ALL_PROXY", "http://127.0.0.1:1")
    answer = try_._front_page(f"{site}/302")
    assert answer.status_code == 302
    assert answer.headers["X-DjangoZoom"] == "polls/1"


@pytest.mark.parametrize("status", [500, 502])
def test_a_site_with_an_error_of_its_own_fails(site: str, status: int) -> None:
    with pytest.raises(HealthCheckFailed, match=f"answers {status} "):
        try_._front_page(f"{site}/{status}")


@pytest.mark.parametrize("status", [400, 401, 404])
def test_a_site_without_a_front_page_is_live(site: str, status: int) -> None:
    assert try_._front_page(f"{site}/{status}").status_code == status


def test_a_site_that_does_not_answer_fails() -> None:
    with pytest.raises(HealthCheckFailed, match="does not answer through nginx"):
        try_._front_page("http://127.0.0.1:1/")


@pytest.fixture
def running(tmp_path: Path) -> Stack:
    folder = tmp_path / "state/git"
    return Stack(tmp_path, "http://127.0.0.1:1", None, folder, "git://127.0.0.1:9418", 1, 1, (), {})


def test_a_path_becomes_a_url_of_the_stacks_git_server(tmp_path: Path, running: Stack) -> None:
    folder = tmp_path / "My Shop"
    (folder / "venv").mkdir(parents=True)
    (folder / "manage.py").write_text("")

    assert try_._served(folder, running) == "git://127.0.0.1:9418/my-shop.git"

    assert (tmp_path / "state/git/my-shop.git/HEAD").is_file()


@pytest.mark.parametrize(
    ("source", "is_url"),
    [
        ("https://github.com/a/b", True),
        ("git://127.0.0.1:9418/x.git", True),
        ("git@github.com:a/b.git", True),
        ("hg+ssh://host/x", True),
        ("./shop", False),
        ("/srv/shop", False),
        ("shop.git", False),
    ],
)
def test_urls_are_told_from_paths(source: str, *, is_url: bool) -> None:
    assert bool(try_._URL.match(source)) is is_url


def test_the_stopwatch_keeps_the_order_of_the_steps() -> None:
    watch = try_.Stopwatch()
    with watch.step("stack"):
        pass
    watch.add_steps_of("check_repo", {"check out code": 1.5})
    assert list(watch.seconds) == ["stack", "check_repo/check out code"]


def test_the_polls_site_is_an_ordinary_project_in_the_checkout() -> None:
    assert "sqlite3" in (try_.POLLS / "mysite/settings.py").read_text()
    assert (try_.POLLS / "manage.py").is_file()


def _repository(folder: Path) -> None:
    shutil.copytree(try_.POLLS, folder)
    subprocess.run(["git", "init", "--quiet", folder], check=True)


@pytest.mark.parametrize(
    ("make", "error", "said"),
    [
        (lambda folder: None, RepoUnreachable, "does not exist"),
        (lambda folder: folder.write_text(""), RepoUnreachable, "is no folder that can be read"),
        (lambda folder: folder.mkdir(), NotDjango, "holds no Django project that can be deployed"),
        (_repository, RepoUnreachable, "has no commit yet"),
    ],
)
def test_a_wrong_path_is_named_before_anything_starts(
    tmp_path: Path, monkeypatch, make: Callable[[Path], object], error: type[Exception], said: str
) -> None:
    monkeypatch.setattr("infra.local.stack.up", lambda *words: pytest.fail("the stack was started"))
    make(tmp_path / "site")
    with pytest.raises(error, match=said):
        try_.try_(str(tmp_path / "site"))


def test_a_source_that_is_not_allowed_is_named_before_anything_starts(monkeypatch) -> None:
    monkeypatch.setattr("infra.local.stack.up", lambda *words: pytest.fail("the stack was started"))
    with pytest.raises(InvalidRepoUrl):
        try_.try_("https://10.0.0.1/site.git")
