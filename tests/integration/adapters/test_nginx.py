"""One nginx: what it has loaded, what it refuses, and what can be taken back."""

import grp
import os
import pwd
import socket
import stat
import subprocess
import time

import pytest

from dz.adapters.nginx import Nginx
from dz.adapters.ports import is_free
from dz.errors import ProxyRefused, ServiceUnavailable
from tests.conftest import free_port
from tests.integration.nginx import BINARY


def server(port: int, name: str = "a.example.org") -> str:
    return f"server {{ listen 127.0.0.1:{port}; server_name {name}; return 200 well; }}\n"


def put(nginx: Nginx, name: str, text: str) -> None:
    with nginx.writer():
        nginx.replace(name, text)
        nginx.load()
        nginx.keep()


def status(nginx: Nginx, port: int) -> int:
    return nginx.get(port=port, host="a.example.org", path="/", timeout=5)[0]


def test_what_is_loaded_is_known_by_its_generation(nginx):
    before = nginx.generation()
    assert before == nginx.wanted()
    with nginx.writer():
        nginx.replace("one", server(free_port()))
        assert nginx.generation() == before != nginx.wanted()
        nginx.load()
        assert nginx.generation() == nginx.wanted()
        nginx.keep()


def test_the_main_configuration_is_written_again_only_if_it_changes(nginx):
    wanted = nginx.wanted()
    assert not nginx.write_main(workers=1)
    assert nginx.wanted() == wanted
    assert nginx.write_main(workers=2)
    assert nginx.wanted() != wanted


def test_its_folder_is_closed_to_all_but_nginx(nginx):
    assert stat.S_IMODE(nginx.folder.stat().st_mode) == (0o750 if os.geteuid() == 0 else 0o700)
    if nginx.user:
        assert nginx.folder.group() == grp.getgrgid(pwd.getpwnam(nginx.user).pw_gid).gr_name


def test_a_running_nginx_goes_on_to_listen_where_it_does(nginx):
    (nginx.folder / "listen.conf").unlink()  # as the version before has left it: on all addresses
    main = nginx.folder / "nginx.conf"
    nginx.write_main(workers=1, moves=False)
    assert (nginx.folder / "listen.conf").read_text() == f"listen 0.0.0.0:{nginx.port};\n"
    assert f"listen 0.0.0.0:{nginx.port} default_server;" in main.read_text()
    assert not nginx.write_main(workers=1, moves=False)
    nginx.write_main(workers=1)
    assert f"listen 127.0.0.1:{nginx.port} default_server;" in main.read_text()


def test_a_site_that_names_the_port_itself_takes_the_addresses_of_the_proxy(nginx):
    before = f"server {{\n    listen {nginx.port};\n    server_name a.example;\n}}\n"
    (nginx.folder / "sites" / "p00000009.conf").write_text(before)
    (nginx.folder / "listen.conf").unlink()  # as the version before has left it, whose sites name the port
    nginx.write_main(workers=1)
    assert nginx.site("p00000009") == "server {\n    include listen.conf;\n    server_name a.example;\n}\n"


def test_a_site_is_tested_without_touching_what_serves(nginx):
    before = sorted(path.name for path in nginx.folder.iterdir())
    nginx.test("one", server(free_port()))
    with pytest.raises(ProxyRefused, match=r"nginx does not accept one; it said: .*sever"):
        nginx.test("one", server(free_port()).replace("server {", "sever {"))
    with pytest.raises(ProxyRefused, match="conflicting"):
        nginx.test("one", server(port := free_port()) + server(port))
    assert sorted(path.name for path in nginx.folder.iterdir()) == before
    assert nginx.site("one") is None


def test_what_was_not_kept_is_taken_back_and_what_was_is_not(nginx):
    first, second = server(free_port()), server(free_port(), "b.example.org")
    put(nginx, "one", first)
    with nginx.writer():
        nginx.replace("one", second)
        nginx.replace("two", second)
        nginx.undo()
    assert (nginx.site("one"), nginx.site("two")) == (first, None)
    with nginx.writer():
        nginx.replace("one", None)
        nginx.keep()
        nginx.undo()
    assert nginx.site("one") is None


def test_a_reload_that_nginx_does_not_follow_is_found_out(nginx):
    port = free_port()
    put(nginx, "one", server(port))
    with nginx.writer():
        nginx.replace("two", "server { broken")
        with pytest.raises(ProxyRefused, match="The old configuration still serves"):
            nginx.load()
        assert status(nginx, port) == 200


def test_a_reload_signals_no_program_but_nginx(nginx):
    # A pid that is left over from before a reboot may be anybody's.
    sleeper = subprocess.Popen(["/bin/sleep", "60"])
    kept = (nginx.folder / "nginx.pid").read_text()
    try:
        (nginx.folder / "nginx.pid").write_text(f"{sleeper.pid}\n")
        with pytest.raises(ServiceUnavailable):
            nginx.reload()
        assert sleeper.poll() is None
    finally:
        (nginx.folder / "nginx.pid").write_text(kept)
        sleeper.kill()
        sleeper.wait()


def test_an_nginx_that_does_not_run_has_no_generation_and_no_answer(tmp_path):
    down = Nginx(BINARY, tmp_path, port=free_port(), status_port=free_port())
    down.write_main()
    assert down.generation() is None
    with pytest.raises(OSError):
        status(down, down.port)
    with pytest.raises(ServiceUnavailable):
        down.load()


def test_a_port_is_free_unless_somebody_listens_there():
    with socket.create_server(("127.0.0.1", 0)) as squatter:
        taken = squatter.getsockname()[1]
        assert not is_free(taken)
    assert is_free(taken)


def test_one_writer_waits_for_another(nginx):
    held = nginx.folder / "held"
    words = ["flock", str(nginx.folder / "lock"), "sh", "-c", f"touch {held}; sleep 0.5; rm {held}"]
    other = subprocess.Popen(words, env={"PATH": os.environ["PATH"]})
    while not held.exists():
        assert other.poll() is None
    with nginx.writer():
        assert not held.exists()
    other.wait()


def test_a_log_that_has_grown_is_put_aside_and_the_next_request_is_in_a_new_one(nginx):
    log = nginx.folder / "logs" / "access.log"
    with log.open("a") as stream:
        stream.write("old" * 1000 + "\n")
    assert nginx.rotate_logs(10**6) == []
    assert nginx.rotate_logs(1000) == [log]
    for _ in range(600):
        if log.exists():
            break
        time.sleep(0.1)
    assert log.read_text() == "", "nginx writes to a log that it has opened anew"
    assert "old" in log.with_name("access.log.1").read_text()
