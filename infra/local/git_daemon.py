"""The git server of a local stack, which offers repositories to `dz try`."""

import shutil
from pathlib import Path

from dz.adapters import processes
from dz.errors import StackProblem
from infra.local.programs import Program


def program(*, folder: Path, port: int) -> Program:
    """Return how the supervisor runs it: read-only, all repositories of `folder`, on 127.0.0.1.

    Raises:
        StackProblem: git or its program git-daemon is missing.
    """
    server = _server()
    return Program(
        name="git",
        argv=(
            *(str(server), f"--base-path={folder}", "--export-all", "--reuseaddr", "--listen=127.0.0.1"),
            *(f"--port={port}", str(folder)),
        ),
        cwd=folder,
        port=port,
        whole_group=True,
    )


def _server() -> Path:
    git = shutil.which("git")
    if git:
        found = processes.run([git, "--exec-path"], cwd=Path("/"), env={}, timeout=30)
        server = Path(found.output.strip()) / "git-daemon"
        if server.exists():
            return server
    raise StackProblem("git, or its program git-daemon, was not found.", "Install git (Debian: apt install git).")
