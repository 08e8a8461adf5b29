"""`dz test`: the checks of style, types and imports, then all tests; the last line is pytest's own."""

import os
import shutil
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
    """Run every check, even if others fail; `arguments` go to pytest.

    Returns:
        0 if all passed, else the exit code of the first that did not.
    """
    environment = {**os.environ, "PATH": f"{BIN}{os.pathsep}{os.environ.get('PATH', os.defpath)}"}
    codes = {title: _run(title, argv, environment) for title, argv in CHECKS}
    failed = [title for title, code in codes.items() if code]
    if failed:
        print(f"--- failed so far: {', '.join(failed)}", flush=True)  # noqa: T201
    if not arguments or any("e2e" in word for word in arguments):
        _ensure_browser()
    tests = _run("pytest", ["pytest", *arguments], environment)
    return next((code for code in (*codes.values(), tests) if code), 0)


def _ensure_browser() -> None:
    """Install Debian's chromium, for the test that drives the form, if it is missing and this process may."""
    if shutil.which("chromium") or os.geteuid() != 0 or not shutil.which("apt-get"):
        return
    print("--- chromium, once (apt-get)", flush=True)  # noqa: T201
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    for words in (["update"], ["install", "--yes", "--no-install-recommends", "chromium"]):
        done = subprocess.run(["apt-get", "-qq", *words], env=environment, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            print(f"not installed, so its test is skipped: {done.stderr.strip()[-300:]}", flush=True)  # noqa: T201
            return


def _run(title: str, argv: list[str], environment: dict[str, str]) -> int:
    print(f"--- {title}", flush=True)  # noqa: T201
    return subprocess.run([str(BIN / argv[0]), *argv[1:]], cwd=ROOT, env=environment, check=False).returncode


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
