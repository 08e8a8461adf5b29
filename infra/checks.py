"""`dz test`: the checks of style, types and imports, then all tests; the last line is pytest's own."""

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
BIN = Path(sys.prefix) / "bin"
CHECKS = (
    ("ruff check", ["ruff", "check", "."]),
    ("ruff format", ["ruff", "format", "--check", "."]),
    ("mypy", ["mypy"]),
    ("import-linter", ["lint-imports"]),
)


def main(arguments: list[str]) -> int:
    """Run every check, whatever the others say; `arguments` go to pytest.

    Returns:
        0 if all passed, else the exit code of the first that did not.
    """
    environment = {**os.environ, "PATH": f"{BIN}{os.pathsep}{os.environ.get('PATH', os.defpath)}"}
    codes = []
    for title, argv in (*CHECKS, ("pytest", ["pytest", *arguments])):
        print(f"--- {title}", flush=True)  # noqa: T201
        command = [str(BIN / argv[0]), *argv[1:]]
        codes.append(subprocess.run(command, cwd=ROOT, env=environment, check=False).returncode)
    failed = [title for (title, _), code in zip(CHECKS, codes, strict=False) if code]
    if failed:
        print(f"failed: {', '.join(failed)}", file=sys.stderr, flush=True)  # noqa: T201
    return next((code for code in codes if code), 0)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
