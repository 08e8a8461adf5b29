# mypy: ignore-errors
"""Runs release hooks in a fork of the app instance's master, which has loaded the project; its workers come after.

While the folder `place` is there, an appserver has hooks to run, and listens or will listen at a socket in it.
"""

import array
import ctypes
import fcntl
import json
import os
import select
import signal
import socket
import sys
import time
import traceback

_PDEATHSIG, _SUBREAPER = 1, 36


def wait_for(place):
    """Return when workers may be forked; the process ends if its hooks failed or nobody is left to say."""
    if not os.path.isdir(place):
        return
    master = os.getpid()
    well, told = os.pipe()
    if os.fork() == 0:
        try:
            _alone(master)
            _serve(place)
            os.write(told, b"1")
        finally:
            os._exit(0)  # gunicorn stops at other codes, taking them for those of a worker
    os.close(told)
    if not os.read(well, 1):
        os._exit(1)
    os.close(well)


def _alone(master):
    """Be a process of its own: no handler of gunicorn's, no life after its master, no orphan that goes elsewhere."""
    for number in signal.Signals:
        if callable(signal.getsignal(number)):
            signal.signal(number, signal.SIG_DFL)
    ctypes.CDLL(None).prctl(_PDEATHSIG, signal.SIGKILL)
    ctypes.CDLL(None).prctl(_SUBREAPER, 1)
    if os.getppid() != master:
        os._exit(0)


def _serve(place):
    """Run what the appserver asks for until it says that this is all; without an appserver there is nothing to run."""
    connection = _connected(place)
    while connection:
        request, files = _request(connection)
        if not request:
            return
        output, lifeline = files
        _die_with(lifeline)
        code = _run(request["words"], output)
        os.close(lifeline)
        connection.send(json.dumps(code).encode())


def _connected(place):
    """Return a connection to the appserver; None if it waits no more."""
    pause = 0.005
    while True:
        connection = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        try:
            folder = os.open(place, os.O_RDONLY)
        except OSError:
            return None
        try:
            connection.connect("/proc/self/fd/%d/socket" % folder)  # the path itself may be too long for a socket
            return connection
        except OSError:
            connection.close()
            time.sleep(pause)
            pause = min(0.5, pause * 1.5)
        finally:
            os.close(folder)


def _request(connection):
    """Return what the appserver asks for, with the file for the output and the pipe that ends with the appserver."""
    files = array.array("i")
    data, extra, _, _ = connection.recvmsg(65536, socket.CMSG_LEN(2 * files.itemsize))
    if not data:
        os._exit(0)
    for level, kind, content in extra:
        if (level, kind) == (socket.SOL_SOCKET, socket.SCM_RIGHTS):
            files.frombytes(content)
    return json.loads(data.decode()), files


def _die_with(lifeline):
    """Have SIGIO end this process when the appserver goes away, as a step of a deploy that was given up ends."""
    signal.signal(signal.SIGIO, signal.SIG_DFL)
    fcntl.fcntl(lifeline, fcntl.F_SETOWN, os.getpid())
    fcntl.fcntl(lifeline, fcntl.F_SETFL, os.O_ASYNC)
    if select.select([lifeline], [], [], 0)[0]:
        os._exit(0)


def _run(words, output):
    """Run `manage.py` with these words and return its exit code."""
    import dz_run

    for stream in (sys.stdout, sys.stderr):
        stream.flush()
        stream.reconfigure(line_buffering=True)
        os.dup2(output, stream.fileno())
    os.close(output)
    sys.argv = ["manage.py"] + words
    try:
        return dz_run.manage(words)
    except SystemExit as error:
        return error.code if isinstance(error.code, int) else int(error.code is not None)
    except BaseException:  # noqa: BLE001
        traceback.print_exc()
        return 1
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
