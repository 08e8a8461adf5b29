"""Calls `dz` as a program would."""

import json

import pytest

from dz.cli import main


def dz(capsys: pytest.CaptureFixture[str], *argv: str) -> tuple[int, dict]:
    code = main.run([*argv, "--json"])
    return code, json.loads(capsys.readouterr().out)
