"""What hostile code of a project tries; runs in the project, without the platform's code."""

import ctypes
import glob
import json
import os
import signal
import socket
import subprocess
import sys
import time

STATUS = ("Uid", "Gid", "Groups", "NoNewPrivs", "Seccomp", "CapEff", "CapPrm", "CapInh", "CapBnd", "CapAmb")
NEW_USER, NEW_NET = 0x10000000, 0x40000000
ASKS = b"GET / HTTP/1.0\r\n\r\n"


def readable(path):
    try:
        with open(path, "rb") as stream:
            return stream.read(4000).decode("utf-8", "replace")
    except OSError:
        return None


def status():
    lines = dict(line.split(":", 1) for line in (readable("/proc/self/status") or "").splitlines())
    return {key: lines[key].split() for key in STATUS}


def processes():
    """All processes that can be seen, with their owners and command lines."""
    found = []
    for folder in glob.glob("/proc/[0-9]*"):
        try:
            found.append([os.stat(folder).st_uid, (readable(folder + "/cmdline") or "").replace("\0", " ")])
        except OSError:
            pass
    return found


def databases(names):
    """Log in to databases of others with this project's own login."""
    if "CONFIG_PG_PASSWORD" not in os.environ:
        return []
    import psycopg2

    got = []
    for name in names:
        login = {key: os.environ["CONFIG_PG_" + key.upper()] for key in ("host", "port", "user", "password")}
        try:
            psycopg2.connect(dbname=name, **login).close()
            got.append(name)
        except psycopg2.OperationalError:
            pass
    return got


def reached(place):
    """Say what answers at an address; a connection that is accepted and dropped has reached nobody."""
    family = socket.AF_UNIX if isinstance(place, str) else socket.AF_INET6 if ":" in place[0] else socket.AF_INET
    one = socket.socket(family)
    one.settimeout(3)
    try:
        one.connect(place.replace("@", "\0", 1) if isinstance(place, str) else tuple(place))
        one.sendall(ASKS)
        return one.recv(100).decode("latin1") or None
    except socket.timeout:
        return "nothing within 3 s"
    except OSError:
        return None
    finally:
        one.close()


def told(place):
    """Send a datagram."""
    try:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as one:
            one.sendto(b"hostile", tuple(place))
    except OSError:
        pass


def through_the_proxy(target):
    """Ask the proxy of builds for an address; return its answer's status."""
    one = socket.socket()
    one.settimeout(10)
    try:
        one.connect(("127.0.0.1", 3128))
        one.sendall(("CONNECT %s HTTP/1.1\r\n\r\n" % target).encode())
        return one.recv(100).decode("latin1").split()[1]
    except OSError:
        return None
    finally:
        one.close()


def gained():
    """Return the names of all ways to more rights that were open; tried in a process that may be spoilt."""
    library = ctypes.CDLL(None, use_errno=True)
    parent = os.getppid()
    ways = {
        "user namespace": lambda: library.unshare(NEW_USER),
        "network namespace": lambda: library.unshare(NEW_NET),
        "mount": lambda: library.mount(b"none", b"/tmp", b"tmpfs", 0, None),
        "bind": lambda: library.mount(b"/usr", b"/tmp", None, 4096, None),
        "unmount": lambda: library.umount2(b"/proc", 2),
        "attach to the parent": lambda: library.ptrace(16, parent, None, None),
        "be traced": lambda: library.ptrace(0, 0, None, None),
        "chroot": lambda: library.chroot(b"/tmp"),
        "root": lambda: library.setuid(0),
        "groups": lambda: library.setgroups(0, None),
        "host name": lambda: library.sethostname(b"x", 1),
        "keys": lambda: 0 if library.syscall(250, 0, -3, 1) >= 0 else -1,
        "raw socket": lambda: 0 if library.socket(2, 3, 1) >= 0 else -1,
        "netlink": lambda: other_routes(),
        "device": lambda: library.mknod(b"/tmp/hostile-device", 0o60666, 0x801),
    }
    read, write = os.pipe()
    child = os.fork()
    if child == 0:
        for name, way in ways.items():
            try:
                if way() == 0:
                    os.write(write, name.encode() + b"\n")
            except (OSError, AttributeError):
                pass
        os._exit(0)
    os.close(write)
    os.waitpid(child, 0)
    with os.fdopen(read) as stream:
        return stream.read().split("\n")[:-1]


def other_routes():
    """Give the network an address, as its administrator could."""
    import struct

    one = socket.socket(16, 3, 0)
    body = struct.pack("BBBBI", 2, 32, 0, 0, 1) + struct.pack("HH4s", 8, 1, b"\x0a\x01\x02\x03") * 2
    one.send(struct.pack("IHHII", 16 + len(body), 20, 0x405, 1, 0) + body)
    answer = one.recv(1000)
    return struct.unpack_from("i", answer, 16)[0]


def commands():
    """Return the programs for changing the user that worked."""
    tries = (["sudo", "-n", "id"], ["su", "-c", "id"], ["unshare", "-U", "id"], ["mount", "-t", "tmpfs", "x", "/tmp"])
    got = []
    for words in tries:
        try:
            if subprocess.run(words, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, timeout=20).returncode == 0:
                got.append(words)
        except (OSError, subprocess.SubprocessError):
            pass
    return got


def signalled(pids):
    """Return the processes of others that could be signalled."""
    own, got = {int(os.path.basename(name)) for name in glob.glob("/proc/[0-9]*")}, []
    for pid in pids:
        try:
            os.kill(pid, signal.SIGCONT)
            got += [] if pid in own else [pid]
        except OSError:
            pass
    return got


def attempt(stage, here):
    with open(os.path.join(here, "targets.json")) as stream:
        targets = json.load(stream)
    for place in targets["datagrams"]:
        told(place)
    return {
        "environment": dict(os.environ),
        "status": status(),
        "processes": processes(),
        "seen": [path for pattern in targets["files"] for path in glob.glob(pattern)],
        "read": [path for path in targets["read"] if readable(path) is not None],
        "databases": databases(targets["databases"]),
        "reached": {str(place): answer for place in targets["places"] for answer in [reached(place)] if answer},
        "proxy": {target: through_the_proxy(target) for target in targets["proxied"]},
        "gained": gained(),
        "commands": commands(),
        "signalled": signalled(targets["pids"]),
        "descriptors": [os.readlink(p) for p in glob.glob("/proc/self/fd/*") if os.path.exists(p)],
    }


def leave_something_behind(stage):
    """Start a process that no longer belongs to the step: new session, double fork, deaf to SIGTERM."""
    program = "import os, signal, time\nos.setsid()\nif os.fork(): os._exit(0)\n"
    program += "signal.signal(signal.SIGTERM, signal.SIG_IGN)\ntime.sleep(300)"
    words = [sys.executable, "-c", program, "hostile-leftover-" + stage]
    subprocess.Popen(words, close_fds=True, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    time.sleep(0.2)
