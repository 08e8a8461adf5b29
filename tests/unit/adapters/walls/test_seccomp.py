"""The filter of system calls, tried from within."""

import os
import tempfile
from pathlib import Path
from subprocess import run

from dz.adapters.walls import confinement, launcher
from dz.adapters.walls.confinement import Confinement

TRY = """
import ctypes, errno, threading
call = ctypes.CDLL(None, use_errno=True).syscall
def name(number, *rest):
    ctypes.set_errno(0)
    return errno.errorcode.get(ctypes.get_errno()) if call(number, *rest) < 0 else "allowed"
import platform
x = platform.machine() == "x86_64"
tries = [(272, 0x10000000) if x else (97, 0x10000000), (165, 0, 0, 0, 0, 0) if x else (40, 0, 0, 0, 0, 0)]
tries += [(101, 0, 0, 0, 0) if x else (117, 0, 0, 0, 0), (321, 0, 0, 0) if x else (280, 0, 0, 0)]
tries += [(56, 0x10000011, 0, 0, 0, 0) if x else (220, 0x10000011, 0, 0, 0, 0), (425, 1, 0)]
import socket
try:
    socket.socket(40, socket.SOCK_STREAM)
except OSError as error:
    print(errno.errorcode[error.errno])
print([name(*one) for one in tries])
thread = threading.Thread(target=print, args=("a thread",)); thread.start(); thread.join()
"""


def test_namespaces_mounts_tracing_and_bpf_are_refused_and_threads_are_not() -> None:
    walls = confinement.of_this_server()
    user = (65534, 65534) if os.geteuid() == 0 else None
    wanted = Confinement((str(walls.python), "-c", TRY), Path("/tmp"), walls.python, user=user, bwrap=walls.bwrap)
    with tempfile.NamedTemporaryFile("w") as file:
        file.write(wanted.to_json())
        file.flush()
        done = run(launcher.command(file.name), capture_output=True, text=True, timeout=60, check=False)
    assert done.stdout == f"EAFNOSUPPORT\n{['EPERM'] * 6}\na thread\n", done.stderr
