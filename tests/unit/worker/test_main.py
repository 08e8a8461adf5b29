"""`python -m dz.worker` refuses what is no server of ours before it starts anything."""

import subprocess
import sys

import pytest


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--role", "cook", "--server", "build-1"], "invalid choice: 'cook'"),
        (
            ["--role", "build", "--server", "Build 1"],
            "'Build 1' is not a server id: lower-case letters, digits and '-'",
        ),
        (["--role", "build"], "--server"),
    ],
)
def test_it_says_what_is_wrong(words: list[str], said: str) -> None:
    done = subprocess.run([sys.executable, "-m", "dz.worker", *words], capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert said in done.stderr
