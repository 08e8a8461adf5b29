"""Bytecode of shared wheels, compiled by real Pythons."""

import shutil
import subprocess
import zipfile
from collections.abc import Callable
from pathlib import Path

from dz.adapters import interpreters
from dz.tasklib.virtualenvs import bytecode
from dz.tasklib.virtualenvs.wheels import PackageCache


def test_a_wheel_is_compiled_once_and_its_bytecode_is_shared(build_server: Path, install: Callable[..., bool]) -> None:
    inodes = []
    for name in ("compiled-1", "compiled-2"):
        assert install(
            build_server / name, "idna==3.10", "six==1.17.0", "jmespath==1.1.0", bytecode=True
        )  # the last has scripts
        [site] = (build_server / name).glob("lib/python*/site-packages")
        compiled = {path.name.split(".")[0] for path in site.glob("idna/__pycache__/*.pyc")}
        assert compiled == {path.stem for path in site.glob("idna/*.py")}
        [six] = site.glob("__pycache__/six.*.pyc")
        inodes.append(six.stat().st_ino)
        code = "import six, idna; print(six.__cached__); six.reraise(KeyError, KeyError('x'))"
        ran = subprocess.run(
            [build_server / name / "bin" / "python", "-c", code], capture_output=True, text=True, check=False
        )
        assert str(six) in ran.stdout
        assert f"{build_server / name}/lib" in ran.stderr  # tracebacks name the environment, not the cache
    assert inodes[0] == inodes[1]


def test_an_environment_of_copies_is_compiled_by_itself_and_no_wheel_counts_as_compiled(
    packages: PackageCache, build_server: Path, install: Callable[..., bool]
) -> None:
    assert install(build_server / "linked", "six==1.17.0")
    copy, done = build_server / "copied", build_server / "compiled-nothing"
    shutil.copytree(build_server / "linked", copy, symlinks=True)
    if packages.sandbox.user:
        subprocess.run(["/bin/chown", "-R", packages.sandbox.user, copy], check=True)
    python = interpreters.available()[0]
    bytecode.link_bytecode(copy, packages.folder / "cache", done, interpreter=python, sandbox=packages.sandbox)
    assert list(copy.glob("lib/python*/site-packages/__pycache__/six.*.pyc"))
    assert list(done.iterdir()) == []


def test_a_wheel_that_runs_code_when_python_starts_runs_none_as_the_shared_user(
    packages: PackageCache, build_server: Path, install: Callable[..., bool]
) -> None:
    wheel, planted = packages.folder / "mean-1.0-py3-none-any.whl", packages.folder / "cache" / "planted"
    about = "mean-1.0.dist-info"
    files = {
        "mean.pth": f"import pathlib; pathlib.Path({str(planted)!r}).touch()\n",
        "mean.py": "x = 1\n",
        f"{about}/METADATA": "Metadata-Version: 2.1\nName: mean\nVersion: 1.0\n",
        f"{about}/WHEEL": "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    files[f"{about}/RECORD"] = "".join(f"{name},,\n" for name in [*files, f"{about}/RECORD"])
    with zipfile.ZipFile(wheel, "w") as archive:
        for name, text in files.items():
            archive.writestr(name, text)
    assert install(build_server / "mean", f"mean @ {wheel.as_uri()}", bytecode=True)
    assert not planted.exists()
    assert list((build_server / "mean").glob("lib/python*/site-packages/__pycache__/mean.*.pyc"))
