"""Bytecode of shared wheels: compiled once, in the package cache, and linked into every virtualenv like other files."""

from collections.abc import Iterator
from pathlib import Path

from dz.adapters.interpreters import Interpreter
from dz.adapters.sandbox import Sandbox
from dz.adapters.walls.confinement import folder_of

_SECONDS = 600
_NO_PACKAGES = r"/[^/]+\.data/"
"""The folder of a wheel's scripts and data files, which stay uncompiled: uv refuses unknown folders in it."""

_LINK = """
import os, sys
packages, tag, folders = sys.argv[1], sys.argv[2], sys.argv[3:]
for unpacked in folders:
    for folder, _, names in os.walk(unpacked):
        above = os.path.join(packages, os.path.relpath(os.path.dirname(folder), unpacked))
        target = os.path.normpath(os.path.join(above, "__pycache__"))
        for name in names if os.path.basename(folder) == "__pycache__" else ():
            if name.endswith("." + tag + ".pyc") and os.path.exists(os.path.join(above, name.split(".")[0] + ".py")):
                os.makedirs(target, exist_ok=True)
                if not os.path.exists(os.path.join(target, name)):
                    os.link(os.path.join(folder, name), os.path.join(target, name))
"""
"""Links compiled files of unpacked wheels beside the sources that a virtualenv has of them."""


def link_bytecode(virtualenv: Path, cache: Path, done: Path, *, interpreter: Interpreter, sandbox: Sandbox) -> None:
    """Give a virtualenv the bytecode of its packages.

    uv keeps wheels unpacked in its cache and links all their files into virtualenvs, including bytecode that was added
    later. So only wheels that no earlier virtualenv has used are compiled, and their bytecode is linked into this first
    one by a program of ours.

    The virtualenv's own Python is not used: it would run the .pth files of wheels, which could change the cache.

    Args:
        virtualenv: just filled from `cache`, without bytecode; both belong to the sandbox's user.
        cache: uv's cache.
        done: a folder of ours that remembers which wheels are compiled for which Python.
    """
    tag = f"cpython-{interpreter.minor.replace('.', '')}"
    done.mkdir(parents=True, exist_ok=True)
    [packages] = virtualenv.glob("lib/python*/site-packages")
    wanted = {path.stat().st_ino for path in packages.glob("*.dist-info/METADATA")}
    unpacked = {inode: folder for inode, folder in _unpacked(cache) if inode in wanted}
    fresh = [folder for folder in unpacked.values() if not (done / f"{folder.name}.{tag}").exists()]
    if not wanted <= unpacked.keys():
        # uv could not link the files, so the virtualenv has copies of its own.
        _compile([packages], cache, interpreter, sandbox)
        return
    if fresh:
        _compile(fresh, cache, interpreter, sandbox)
        _run(["-c", _LINK, packages, tag, *fresh], cache, interpreter, sandbox)
    for folder in fresh:
        (done / f"{folder.name}.{tag}").touch()


def _compile(folders: list[Path], cache: Path, interpreter: Interpreter, sandbox: Sandbox) -> None:
    """Compile what this Python can; a file that does not compile, such as a template, is no error."""
    words = ["-m", "compileall", "-q", "-q", "-j", "0", "--invalidation-mode", "unchecked-hash", "-x", _NO_PACKAGES]
    _run([*words, *folders], cache, interpreter, sandbox)


def _run(words: list[str | Path], cache: Path, interpreter: Interpreter, sandbox: Sandbox) -> None:
    """Run a program of ours as the user of the cache and the virtualenv, who could lead root elsewhere in them."""
    argv = [interpreter.path, "-I", "-S", *words]
    # The virtualenv lies beside the cache.
    sandbox.run(argv, cwd=cache, env={}, timeout=_SECONDS, reads=[folder_of(interpreter.path)], writes=[cache.parent])


def _unpacked(cache: Path) -> Iterator[tuple[int, Path]]:
    """Yield each unpacked wheel of uv's cache with the inode of its METADATA."""
    for metadata in cache.glob("archive-v*/*/*.dist-info/METADATA"):
        yield metadata.stat().st_ino, metadata.parents[1]
