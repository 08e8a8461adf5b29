"""One start of the whole local stack for all tests of this folder."""

import shutil
import tempfile
from pathlib import Path

import pytest

from dz.settings import settings
from infra.local import leftovers, stack
from infra.local.layout import Layout


@pytest.fixture(scope="package")
def running():
    state = Path(tempfile.mkdtemp(prefix="dz-stack-"))
    state.chmod(0o755)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DZ_STATE_DIR", str(state))
        settings.cache_clear()
        try:
            yield stack.up()
        finally:
            stack.down()
            left = leftovers.find(stack=Layout(state).name, state=state)
            settings.cache_clear()
            shutil.rmtree(state)
    assert left == []
