from pathlib import Path

import pytest

from dz.settings import settings


@pytest.fixture
def nobody_answers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("DZ_STATE_DIR", str(tmp_path))
    monkeypatch.setenv("DZ_ZOOMDB_URL", "postgresql+psycopg2://127.0.0.1:1/zoomdb")
    settings.cache_clear()
    yield
    settings.cache_clear()
