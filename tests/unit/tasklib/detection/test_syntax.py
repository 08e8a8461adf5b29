"""Source that Python 3 cannot parse."""

from pathlib import Path

from dz.tasklib.detection import inspect
from dz.tasklib.detection.syntax import modernised, parsed
from tests.unit.tasklib.detection.projects import SETTINGS, with_settings


def test_settings_of_python_2_are_read(tmp_path: Path) -> None:
    old = SETTINGS + "print 'hello'\ntry:\n    import local\nexcept ImportError, e:\n    pass\nMODE = 0755\n"
    assert parsed(old) is None
    assert parsed(modernised(old)) is not None
    assert inspect(with_settings(tmp_path, old)).settings_module == "site1.settings"
