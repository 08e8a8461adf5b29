"""A run is told where its flow lies only if that is in its own folder."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from dz.worker.internals import entrypoint

FLOW = "flows/deploy.py:deploy"
PLAIN = {"pull_steps": [], "storage_document_id": None, "path": ".", "entrypoint": FLOW}


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, FLOW),
        ({"path": None}, FLOW),
        ({"path": "elsewhere"}, None),
        ({"pull_steps": [{"git_clone": {}}]}, None),
        ({"storage_document_id": "a block"}, None),
    ],
)
def test_only_a_flow_in_the_folder_is_told_of(tmp_path: Path, changes: dict[str, Any], expected: str | None) -> None:
    assert entrypoint.of(SimpleNamespace(**{**PLAIN, **changes}), tmp_path) == expected


def test_without_deployment_or_folder_nothing_is_told(tmp_path: Path) -> None:
    assert entrypoint.of(None, tmp_path) is None
    assert entrypoint.of(SimpleNamespace(**PLAIN), None) is None
