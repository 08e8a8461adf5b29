"""What names the content of a virtualenv."""

from pathlib import Path

from dz.adapters.interpreters import Interpreter
from dz.tasklib.virtualenvs.local_packages import LocalPackage
from dz.tasklib.virtualenvs.requirements import Requirements
from dz.tasklib.virtualenvs.virtualenvs import virtualenv_key

HAVE = [Interpreter((3, minor, 2), Path(f"/usr/bin/python3.{minor}")) for minor in (13, 11)]


def test_the_key_names_project_requirements_and_interpreter():
    def key(sysid="p00000001", lines=("django",), interpreter=HAVE[0], local=(), digests=()):
        return virtualenv_key(sysid, Requirements(list(lines), local=list(local)), interpreter, digests)

    lib = LocalPackage("lib")
    different = [key(), key("p00000002"), key(lines=("six",)), key(interpreter=HAVE[1]), key(local=(lib,))]
    assert len({*different, key(local=(lib,), digests=("b",))}) == 6
    assert key() == key()
