"""Tells whether the code that flow runs use has changed on disk."""

import os
from collections.abc import Iterator
from pathlib import Path

FOLDERS = ("dz", "flows", "tasks", "blocks", "deployments")
"""What a flow run may import, below the checkout."""
FILES = ("requirements.lock",)


def code_version(checkout: Path) -> int:
    """Return a number that changes when a source file is added, removed or written; it costs a few ms."""
    return hash(tuple(_states(checkout)))


def _states(checkout: Path) -> Iterator[tuple[str, int, int, int]]:
    for name in FILES:
        path = checkout / name
        if path.exists():
            state = path.stat()
            yield name, state.st_mtime_ns, state.st_size, state.st_ino
    for name in FOLDERS:
        yield from sorted(_below(str(checkout / name)))


def _below(folder: str) -> Iterator[tuple[str, int, int, int]]:
    try:
        entries = list(os.scandir(folder))
    except OSError:
        return
    for entry in entries:
        if entry.is_dir():
            yield from _below(entry.path)
        elif entry.name.endswith((".py", ".j2")):
            state = entry.stat()
            yield entry.path, state.st_mtime_ns, state.st_size, state.st_ino
