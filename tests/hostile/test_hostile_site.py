"""What a running site can do with the machine and to its neighbour: everything is tried from within, by Python of its own."""

import contextlib
import json
import signal
import time
from pathlib import Path
from typing import Any

import psutil

from dz.tasklib.appservers import instance
from tests.flows.conftest import Platform
from tests.hostile.conftest import Attack, Load

_SWEEP = """
import json, os
from pathlib import Path
outside = ("/proc", "/usr", "/bin", "/sbin", "/lib", "/lib64", "/lib32", "/libx32", *SKIPPED)
found = {"files": [], "writable": []}
for folder, folders, names in os.walk("/"):
    place = Path(folder)
    folders[:] = [name for name in folders if str(place / name) not in outside]
    if os.access(folder, os.W_OK):
        found["writable"].append(folder)
    for name in names:
        found["files"].append(str(place / name))
        if os.access(place / name, os.W_OK) and not os.path.islink(place / name):
            found["writable"].append(str(place / name))
found["system"] = [
    str(Path(folder) / name)
    for top in ("/usr", "/proc/sys", "/proc/bus", "/proc/irq")
    for folder, folders, names in os.walk(top)
    for name in [*folders, *names]
    if os.access(Path(folder) / name, os.W_OK) and not os.path.islink(Path(folder) / name)
]
print(json.dumps(found))
"""
_ETC = {
    *("ssl", "ca-certificates", "pki", "ld.so.cache", "ld.so.conf", "ld.so.conf.d", "alternatives", "localtime"),
    *(
        "timezone",
        "mime.types",
        "fonts",
        "hosts",
        "gai.conf",
        "host.conf",
        "protocols",
        "services",
        "os-release",
        "debian_version",
    ),
    *("nsswitch.conf", "resolv.conf", "passwd", "group"),
}
_DEVICES = {f"/dev/{name}" for name in ("null", "zero", "full", "random", "urandom")}
_WAIT_FOR_THE_PORT = """
import os, subprocess, sys
program = '''
import socket, time
end = time.time() + 40
one = None
while time.time() < end:
    if one is None:
        one = socket.socket()
        one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        one.settimeout(1)
        try:
            one.bind(("", PORT))
            one.listen(200)
            print("bound", flush=True)
        except OSError:
            one = None
            time.sleep(0.001)
            continue
    try:
        connection = one.accept()[0]
    except OSError:
        continue
    connection.recv(65536)
    connection.sendall(b"HTTP/1.0 200 OK\\\\r\\\\n\\\\r\\\\nHOSTILE")
    connection.close()
'''
subprocess.Popen([sys.executable, "-c", program], start_new_session=True)
"""
_NUISANCE = """
import os, socket, subprocess, sys, threading, time
end = time.time() + 5
def connect():
    while time.time() < end:
        for place in (("127.0.0.1", 80), ("10.0.0.1", 80), ("192.168.0.1", 5432)):
            try:
                with socket.create_connection(place, 1) as one:
                    one.recv(10)
            except OSError:
                pass
def bind():
    held = []
    for port in range(1, 65536):
        try:
            one = socket.socket()
            one.bind(("", port))
            held.append(one)
        except OSError:
            one.close()
            if len(held) > 500:
                return
def fork():
    while time.time() < end:
        if os.fork() == 0:
            os._exit(0)
        os.wait()
memory = bytearray(200 * 1024 * 1024)
for index in range(0, len(memory), 4096):
    memory[index] = 1
threads = [threading.Thread(target=work) for work in (connect, connect, bind)]
for thread in threads:
    thread.start()
fork()
for thread in threads:
    thread.join()
print("done")
"""


def test_a_sweep_from_a_running_site_finds_only_what_is_listed_here(attack: Attack, platform: Platform) -> None:
    found = instance.find(
        platform.zoomdb,
        instance.release_of(platform.zoomdb, attack.attacker.deployment),
        "appserver-1",
        folder=attack.attacker.folder,
    )
    own = [found.own, found.bundle, found.virtualenv, found.media, *([found.static] if found.static else [])]
    swept: dict[str, Any] = json.loads(attack.attacker.run(f"SKIPPED = ()\n{_SWEEP}"))
    strangers = {
        name
        for name in swept["files"]
        if not any(Path(name).is_relative_to(folder) for folder in [*own, "/tmp", "/dev/shm", "/etc", "/opt/pyenv"])
    }
    links = {f"/dev/{name}" for name in ("stdin", "stdout", "stderr", "fd")}
    assert {name for name in strangers - links if not Path(name).is_symlink()} <= {*_DEVICES, "/run/inside.py"}
    assert {Path(name).parts[2] for name in swept["files"] if name.startswith("/etc/")} <= _ETC
    writable = {name for name in swept["writable"] if not Path(name).is_relative_to("/tmp")}
    mine = {str(found.home), str(found.media), "/dev/shm", *_DEVICES}
    assert {name for name in writable - mine if not Path(name).is_relative_to(found.home)} == set()
    # Its mode lets everybody write, and the kernel then asks for a capability.
    assert set(swept["system"]) <= {"/proc/sys/kernel/ns_last_pid"}


def test_a_neighbours_port_is_never_answered_by_another_site(attack: Attack) -> None:
    neighbour = attack.neighbour
    with_walls = json.loads((instance.own_folder(neighbour.folder, neighbour.deployment) / "walls.json").read_text())
    assert attack.attacker.run(_WAIT_FOR_THE_PORT.replace("PORT", str(with_walls["listen"][1]))) == ""
    with Load(neighbour) as load:
        for _ in range(2):
            killed = neighbour.processes()
            for process in killed:
                with contextlib.suppress(psutil.NoSuchProcess):  # it has ended with one that was killed before
                    process.send_signal(signal.SIGKILL)
            psutil.wait_procs(killed, timeout=10)
            deadline = time.monotonic() + 60
            while neighbour.get("/") != "neighbour":
                assert time.monotonic() < deadline
                time.sleep(0.1)
    assert [what for _, what in load.failures if "HOSTILE" in what] == []


def test_a_neighbours_visitors_do_not_notice_what_a_site_does(attack: Attack) -> None:
    with Load(attack.neighbour) as load:
        assert attack.attacker.run(_NUISANCE).strip() == "done"
    assert load.asked > 0
    assert load.failures == []


def test_what_a_site_started_ends_with_it(attack: Attack) -> None:
    """The last test of this folder: it takes the attacker down."""
    said = attack.attacker.run("import probe; probe.leave_something_behind('site')")
    assert said == ""
    before = attack.attacker.processes()
    assert any("hostile-leftover-site" in " ".join(one.cmdline()) for one in before)
    attack.attacker.undeploy()
    _, alive = psutil.wait_procs(before, timeout=10)
    assert alive == []
    words = ["hostile-leftover-site", "hostile-leftover-migration"]
    left = [
        one.info["cmdline"] for one in psutil.process_iter(["cmdline"]) if set(words) & set(one.info["cmdline"] or [])
    ]
    assert left == []
