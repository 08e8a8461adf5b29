"""git reads no configuration of the machine or of a user."""

import subprocess
from pathlib import Path

from dz.adapters.git_hardening import ENVIRONMENT


def test_no_configuration_of_system_or_user_reaches_git(tmp_path: Path) -> None:
    hostile = tmp_path / "gitconfig"
    hostile.write_text('[core]\n\tsshCommand = touch canary\n[url "https://elsewhere/"]\n\tinsteadOf = https://\n')
    (tmp_path / ".gitconfig").write_text(hostile.read_text())
    (tmp_path / "git").mkdir()
    (tmp_path / "git" / "config").write_text(hostile.read_text())
    elsewhere = {"HOME": str(tmp_path), "GIT_CONFIG_SYSTEM": str(hostile)}

    def listed(env: dict[str, str]) -> str:
        done = subprocess.run(
            ["git", "config", "--list"], env=env, cwd=tmp_path, capture_output=True, text=True, check=False
        )
        return done.stdout

    assert "elsewhere" in listed({"PATH": ENVIRONMENT["PATH"], **elsewhere})
    assert listed({**ENVIRONMENT, **elsewhere}) == ""
    assert listed({**ENVIRONMENT, **elsewhere, "GIT_CONFIG_GLOBAL": str(tmp_path / ".gitconfig")}) != ""
