"""What hostile code of a project tries; runs in the project, without the platform's code."""

import glob
import json
import os
import subprocess
import sys


def readable(path):
    try:
        with open(path, "rb") as stream:
            return stream.read(4000).decode("utf-8", "replace")
    except OSError:
        return None


def writable(folder):
    """Try to leave a file and to change one that is there."""
    done = []
    try:
        with open(os.path.join(folder, "hostile.txt"), "w") as stream:
            stream.write("x")
        done.append(folder)
    except OSError:
        pass
    for name in sorted(glob.glob(os.path.join(folder, "*")))[:50]:
        try:
            os.chmod(name, 0o777)
            done.append(name)
        except OSError:
            pass
    return done


def status():
    lines = dict(line.split(":", 1) for line in (readable("/proc/self/status") or "").splitlines())
    return {key: lines[key].split() for key in ("Uid", "Gid", "Groups", "NoNewPrivs", "CapEff", "CapPrm")}


def databases(targets):
    """Log in to databases of others with this project's own login."""
    if os.environ.get("CONFIG_PG_HOST") in (None, "127.0.0.1") and os.environ.get("CONFIG_PG_PORT") in (None, "1"):
        return []
    import psycopg2

    got = []
    for name in targets:
        login = {key: os.environ["CONFIG_PG_" + key.upper()] for key in ("host", "port", "user", "password")}
        try:
            psycopg2.connect(dbname=name, **login).close()
            got.append(name)
        except psycopg2.OperationalError:
            pass
    return got


def foreign(kind):
    """Read something of the processes of other users."""
    got = {}
    for folder in glob.glob("/proc/[0-9]*"):
        try:
            if os.stat(folder).st_uid != os.getuid():
                text = readable(folder + "/" + kind)
                if text:
                    got[folder] = text
        except OSError:
            pass
    return got


def signalled():
    got = []
    for pid in (os.getppid(), 1):
        try:
            os.kill(pid, 0)
            if os.stat("/proc/%d" % pid).st_uid != os.getuid():
                got.append(pid)
        except OSError:
            pass
    return got


def attempt(stage, here):
    with open(os.path.join(here, "targets.json")) as stream:
        targets = json.load(stream)
    found = {
        "stage": stage,
        "environment": dict(os.environ),
        "status": status(),
        "files": {p: readable(p) for pattern in targets["files"] for p in glob.glob(pattern) if readable(p)},
        "listed": [p for p in targets["private_folders"] if os.access(p, os.R_OK)],
        "written": [w for pattern in targets["folders"] for p in glob.glob(pattern) for w in writable(p)],
        "environs": foreign("environ"),
        "databases": databases(targets["databases"]),
        "signalled": signalled(),
        "descriptors": [os.readlink(p) for p in glob.glob("/proc/self/fd/*") if os.path.exists(p)],
    }
    if stage == "site":
        found["own environment"] = writable(os.path.dirname(os.__file__)) + writable(sys.prefix + "/bin")
        found["own environment"] += [
            w for folder in sys.path if folder.startswith(sys.prefix) for w in writable(folder)
        ]
        found["own code"] = writable(here)
    return found


def report(stage, here):
    found = attempt(stage, here)
    with open(os.path.join(here, "targets.json")) as stream:
        reports = json.load(stream)["reports"]
    with open(os.path.join(reports, "%s-%d.json" % (stage, os.getpid())), "w") as stream:
        json.dump(found, stream)
    if stage != "site":
        leave_something_behind(stage)


def leave_something_behind(stage):
    """Start a process that no longer belongs to the step: new session, double fork."""
    program = "import os, time\nos.setsid()\nif os.fork(): os._exit(0)\ntime.sleep(300)"
    quiet = open(os.devnull, "r+")
    words = [sys.executable, "-c", program, "hostile-leftover-" + stage]
    subprocess.Popen(words, close_fds=True, stdin=quiet, stdout=quiet, stderr=quiet)
