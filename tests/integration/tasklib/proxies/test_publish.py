"""Sites behind a real nginx: switched, refused, taken back."""

import contextlib
import http.client
import socket
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest

from dz.adapters.nginx import Limits, Nginx
from dz.adapters.ports import is_free
from dz.errors import ProxyRefused, ServiceUnavailable
from dz.tasklib.proxies.config import Upstream, render
from dz.tasklib.proxies.publish import publish, remove
from tests.conftest import free_port
from tests.integration.nginx import BINARY, running_nginx
from tests.integration.tasklib.proxies.sites import get, site, vhost


def test_a_published_site_names_project_and_version_everywhere(nginx, polls):
    for path in ("/", "/static/app.css", "/static/missing.css"):
        assert get(nginx, polls.name, path)[2].get_all("X-DjangoZoom") == ["polls v1"]
    status, body, _ = get(nginx, "localhost", port=polls.site_port)
    assert (status, body.split()[0]) == (200, "one")


def test_publishing_the_same_again_changes_nothing(nginx, statics, polls):
    before = (nginx.folder / "sites" / "p00000001.conf").stat().st_mtime_ns
    assert not publish(site(1, polls), nginx=nginx, static_fetch=statics)
    assert (nginx.folder / "sites" / "p00000001.conf").stat().st_mtime_ns == before


def test_a_switch_loses_no_request(nginx, statics, app, polls):
    answers, stop = [], threading.Event()

    def ask():
        while not stop.is_set():
            try:
                status, body, headers = get(nginx, polls.name)
                answers.append((status, body.split()[0], headers["X-DjangoZoom"]))
            except OSError as error:
                answers.append(error)

    threads = [threading.Thread(target=ask) for _ in range(3)]
    for thread in threads:
        thread.start()
    second = app("two")
    for version in range(2, 6):
        upstream = second if version % 2 == 0 else polls.upstreams[0]
        publish(site(1, replace(polls, version=version, upstreams=(upstream,))), nginx=nginx, static_fetch=statics)
    assert get(nginx, polls.name)[2]["X-DjangoZoom"] == "polls v5"
    stop.set()
    for thread in threads:
        thread.join()
    assert len(answers) > 50
    assert [answer for answer in answers if answer[0] != 200] == []
    assert {answer[1] for answer in answers} == {"one", "two"}


def test_a_configuration_that_nginx_refuses_changes_nothing(nginx, statics, polls):
    bad = vhost("blog.example.org", 1, Upstream("no-such-host.invalid", 80))
    with pytest.raises(ProxyRefused, match="no-such-host"):
        publish(site(2, bad), nginx=nginx, static_fetch=statics)
    assert nginx.site("p00000002") is None
    assert get(nginx, polls.name)[0] == 200


def test_a_site_is_published_once_the_main_configuration_is_that_of_this_checkout(nginx, statics, app, polls):
    main = nginx.folder / "nginx.conf"
    main.write_text(main.read_text().replace("dz_expires", "dz_kept"))  # as an older checkout may have left it
    newer = site(1, vhost(polls.name, 2, app("two")))
    with pytest.raises(ProxyRefused, match="dz_expires"):
        publish(newer, nginx=nginx, static_fetch=statics)
    assert nginx.write_main(workers=1)
    assert publish(newer, nginx=nginx, static_fetch=statics)
    assert get(nginx, polls.name)[2]["X-DjangoZoom"] == "polls v2"


def test_a_host_name_of_another_site_is_refused(nginx, statics, app, polls):
    with pytest.raises(ProxyRefused, match="conflicting"):
        publish(site(2, replace(polls, site_port=None)), nginx=nginx, static_fetch=statics)
    assert nginx.site("p00000002") is None


def test_a_port_that_is_taken_is_found_out_and_taken_back(nginx, statics, app, polls):
    before = nginx.generation()
    with socket.create_server(("127.0.0.1", 0)) as squatter:
        taken = squatter.getsockname()[1]
        assert not is_free(taken)
        with pytest.raises(ProxyRefused, match="bind"):
            publish(
                site(2, vhost("blog.example.org", 1, app("blog"), site_port=taken)), nginx=nginx, static_fetch=statics
            )
    assert nginx.generation() == nginx.wanted() != before
    assert nginx.site("p00000002") is None
    assert get(nginx, polls.name)[0] == 200


def test_an_app_that_the_proxy_cannot_reach_is_not_published(nginx, statics, polls):
    dead = replace(polls, version=2, upstreams=(Upstream("127.0.0.1", free_port()),))
    with pytest.raises(ProxyRefused, match="502"):
        publish(site(1, dead), nginx=nginx, static_fetch=statics, timeout=1)
    assert get(nginx, polls.name)[2]["X-DjangoZoom"] == "polls v1"


def test_a_writer_killed_before_the_proof_does_not_harm_the_next(nginx, statics, app, polls):
    with nginx.writer():
        nginx.replace("p00000002", "server { broken")
    assert publish(site(3, vhost("shop.example.org", 1, app("shop"))), nginx=nginx, static_fetch=statics)
    assert nginx.site("p00000002") is None
    assert get(nginx, "shop.example.org")[0] == 200


def test_a_writer_killed_after_the_reload_is_repaired_by_a_repeat(nginx, statics, app, polls):
    before = nginx.site("p00000001")
    with nginx.writer():
        nginx.replace("p00000001", before.replace("polls v1", "polls v7"))
        nginx.load()
    assert get(nginx, polls.name)[2]["X-DjangoZoom"] == "polls v7"
    assert publish(site(1, polls), nginx=nginx, static_fetch=statics)
    assert get(nginx, polls.name)[2]["X-DjangoZoom"] == "polls v1"


def test_a_removed_site_is_gone_and_the_others_serve(nginx, statics, app, polls):
    publish(site(2, vhost("blog.example.org", 1, app("blog"))), nginx=nginx, static_fetch=statics)
    remove("p00000002", nginx=nginx)
    with pytest.raises(http.client.RemoteDisconnected):
        get(nginx, "blog.example.org")
    assert get(nginx, polls.name)[0] == 200
    with pytest.raises(ProxyRefused, match="no site"):
        remove("p00000002", nginx=nginx)


def test_an_nginx_that_does_not_run_is_named(tmp_path, app):
    down = Nginx(BINARY, tmp_path, port=free_port(), status_port=free_port())
    down.write_main()
    with pytest.raises(ServiceUnavailable):
        publish(
            site(1, vhost("a.example.org", 1, app("a"), static_sha256=None)),
            nginx=down,
            static_fetch=lambda *_: tmp_path,
        )
    assert down.site("p00000001") is None


@pytest.fixture
def tight():
    """A proxy with limits that a test reaches soon."""
    with running_nginx(limits=Limits(site_connections=20, visitor_connections=8, visitor_requests=40)) as found:
        yield found


def test_a_flooded_site_takes_nothing_from_its_neighbour(tight, app):
    calm = vhost("calm.example.org", 1, app("calm"), static_sha256=None)
    silent = socket.create_server(("127.0.0.1", 0), backlog=200)
    hosts = [vhost(f"{name}.example.org", 1, app("first"), static_sha256=None) for name in ("hog", "www.hog")]
    with contextlib.ExitStack() as opened:
        opened.enter_context(silent)
        for number, shown in ((1, (calm,)), (2, tuple(hosts))):
            publish(site(number, *shown), nginx=tight, static_fetch=lambda sha256, size: tight.folder)
        # It answered when it was published, and then no more.
        flooded = [replace(host, upstreams=(Upstream("127.0.0.1", silent.getsockname()[1]),)) for host in hosts]
        tight.replace("p00000002", render(site(2, *flooded), statics={}))
        tight.load()
        answers = {
            address: _hold(tight, opened, address, count=30) for address in ("127.0.0.1", "127.0.0.2", "127.0.0.3")
        }
        assert answers == {"127.0.0.1": 22, "127.0.0.2": 22, "127.0.0.3": 26}, "8 of an address wait, 20 of a site"
        assert [get(tight, calm.name)[0] for _ in range(20)] == [200] * 20
        assert get(tight, "hog.example.org")[2]["X-DjangoZoom"] == "hog v1", "it can still be published"


def test_a_visitor_who_asks_too_fast_is_told_so_and_others_are_not(tight, app):
    shown = vhost("calm.example.org", 1, app("calm"), static_sha256=None)
    publish(site(1, shown), nginx=tight, static_fetch=lambda sha256, size: tight.folder)
    asked = [get(tight, shown.name)[0] for _ in range(150)]
    assert set(asked) == {200}, "five seconds' worth may come at once"
    with ThreadPoolExecutor(4) as pool:
        fast = list(pool.map(lambda _: _status(tight, "127.0.0.2", shown.name), range(600)))
    assert set(fast) == {200, 429}
    assert _status(tight, "127.0.0.3", shown.name) == 200


def _status(nginx, address, host):
    connection = http.client.HTTPConnection("127.0.0.1", nginx.port, timeout=10, source_address=(address, 0))
    with contextlib.closing(connection):
        connection.request("GET", "/", headers={"Host": host})
        return connection.getresponse().status


def _hold(nginx, opened, address, *, count):
    """Open connections to both names of the flooded site; return how many requests are answered 503 at once."""
    held = []
    for number in range(count):
        connection = opened.enter_context(
            socket.create_connection(("127.0.0.1", nginx.port), source_address=(address, 0))
        )
        name = "hog.example.org" if number % 2 else "www.hog.example.org"
        connection.sendall(f"GET / HTTP/1.1\r\nHost: {name}\r\n\r\n".encode())
        connection.settimeout(0.5)
        held.append(connection)
    refused = 0
    for connection in held:
        with contextlib.suppress(TimeoutError):
            refused += connection.recv(12) == b"HTTP/1.1 503"
    return refused
