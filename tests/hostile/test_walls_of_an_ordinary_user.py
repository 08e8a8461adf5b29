"""The same walls stand where the platform itself is an ordinary user."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from dz.settings import PROJECT_ROOT

NOBODY = 65534
_PLATFORM = """
import os, sys
from pathlib import Path
from dz.adapters.sandbox import UserSandbox
place = Path(sys.argv[1])
program = "import json, probe; print(json.dumps(probe.attempt('build', '.')))"
done = UserSandbox(None, place).run(["/usr/bin/python3", "-c", program], cwd=place, env={}, timeout=60)
print(done.output)
"""


@pytest.mark.skipif(not Path("/usr/bin/python3").exists(), reason="the program that is confined needs an interpreter")
def test_a_program_of_an_ordinary_user_stays_inside_its_walls(tmp_path_factory: pytest.TempPathFactory) -> None:
    place = Path(tmp_path_factory.mktemp("ordinary"))
    for folder in (place, *place.parents[:2]):
        folder.chmod(0o755)
    shutil.copy(Path(__file__).parent / "project" / "probe.py", place)
    here = os.getpid()
    targets = {
        "files": ["/root", "/home", "/var", "/opt/*", "/etc/shadow", "/sys", str(PROJECT_ROOT)],
        "read": ["/etc/shadow"],
        "databases": [],
        "places": [["127.0.0.1", 22], ["169.254.169.254", 80], ["192.0.2.1", 80]],
        "datagrams": [],
        "proxied": ["pypi.org:443"],
        "pids": [here, os.getppid()],
    }
    (place / "targets.json").write_text(json.dumps(targets))
    become = [] if os.geteuid() else ["setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups"]
    if become:
        os.chown(place, NOBODY, NOBODY)
    words = [*become, sys.executable, "-c", _PLATFORM, str(place)]
    done = subprocess.run(words, capture_output=True, text=True, timeout=100, check=False, cwd=PROJECT_ROOT)
    found = json.loads(done.stdout or done.stderr)
    status = found["status"]
    assert (found["seen"], found["read"], found["reached"], found["gained"]) == ([], [], {}, [])
    assert (found["signalled"], found["commands"], found["proxy"]) == ([], [], {"pypi.org:443": None})
    assert {int(status[name][0], 16) for name in ("CapEff", "CapPrm", "CapInh", "CapAmb")} == {0}
    assert (status["NoNewPrivs"], status["Seccomp"]) == (["1"], ["2"])
    assert [words for _, words in found["processes"] if "python" not in words and "bwrap" not in words] == []
