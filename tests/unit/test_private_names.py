"""Prefect's private names are known in one room, `dz/worker/internals`."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
CODE = ("dz", "flows", "tasks", "deployments", "blocks", "infra", "bench")
ROOM = ROOT / "dz" / "worker" / "internals"
DOCUMENTED = {
    *("_display_name", "_description", "_documentation_url", "_logo_url"),
    *("_block_type_name", "_block_type_slug"),
}
"""What a worker type or a block type of one's own sets, as Prefect's documentation shows."""
PRIVATE = re.compile(r"_[^_]")
TEXT = re.compile(r"prefect(\.\w+)*\._|PREFECT__[A-Z]")


def private_names(source: str) -> list[str]:
    """Private names of Prefect's that are imported, read, replaced or overridden, and text that names them."""
    tree = ast.parse(source)
    imported = dict(_imports(tree))
    return [
        *(path for path in imported.values() if any(map(PRIVATE.match, path.split(".")))),
        *_attributes(tree, imported),
        *_members_of_subclasses(tree, imported),
        *_texts(tree),
    ]


def _imports(tree: ast.AST) -> Iterator[tuple[str, str]]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for name in node.names:
                if name.name.split(".")[0] == "prefect":
                    yield name.asname or "prefect", name.name
        if isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] == "prefect":
            for name in node.names:
                yield name.asname or name.name, f"{node.module}.{name.name}"


def _attributes(tree: ast.AST, imported: dict[str, str]) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and _root(node) in imported:
            is_replaced = isinstance(node.ctx, ast.Store | ast.Del)
            if is_replaced or PRIVATE.match(node.attr):
                yield ast.unparse(node)


def _root(node: ast.expr) -> str:
    while isinstance(node, ast.Attribute):
        node = node.value
    return node.id if isinstance(node, ast.Name) else ""


def _members_of_subclasses(tree: ast.AST, imported: dict[str, str]) -> Iterator[str]:
    for found in ast.walk(tree):
        if isinstance(found, ast.ClassDef) and any(_root(base) in imported for base in found.bases):
            theirs = {name for base in found.bases for name in _members(imported[_root(base)])}
            for node in ast.walk(found):
                name = getattr(node, "attr", None) or getattr(node, "name", None) or getattr(node, "id", None)
                if isinstance(name, str) and PRIVATE.match(name) and name in theirs - DOCUMENTED:
                    yield f"{found.name}.{name}"


def _members(path: str) -> set[str]:
    """All members of a class of Prefect's, with the attributes that its methods set."""
    module, _, name = path.rpartition(".")
    found = getattr(__import__(module, fromlist=[name]), name)
    codes = [code for base in found.__mro__ for one in vars(base).values() if (code := getattr(one, "__code__", None))]
    return set(dir(found)).union(*(code.co_names for code in codes))


def _texts(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and TEXT.match(node.value):
            yield node.value


def test_no_private_name_of_prefect_is_known_outside_the_room() -> None:
    files = [path for folder in CODE for path in (ROOT / folder).rglob("*.py") if ROOM not in path.parents]
    assert len(files) > 100
    found = {str(path.relative_to(ROOT)): names for path in files if (names := private_names(path.read_text()))}
    assert found == {}


@pytest.mark.parametrize(
    ("source", "name"),
    [
        ("from prefect._internal import observers", "prefect._internal.observers"),
        ("import prefect.types._datetime", "prefect.types._datetime"),
        ("from prefect import flow_engine as e\ne._send_heartbeats(1)", "e._send_heartbeats"),
        ("from prefect import flow_engine\nflow_engine.load_flow = print", "flow_engine.load_flow"),
        (
            "from prefect.workers.process import ProcessWorker\nclass W(ProcessWorker):\n def _propose_pending_state(self): 0",
            "W._propose_pending_state",
        ),
        (
            "from prefect.workers.process import ProcessWorker\nclass W(ProcessWorker):\n def f(self): self._limiter",
            "W._limiter",
        ),
        ("MODULES = ['prefect._internal.observers']", "prefect._internal.observers"),
        ("import os\nos.environ['PREFECT__FLOW_RUN_ID']", "PREFECT__FLOW_RUN_ID"),
    ],
)
def test_each_way_to_a_private_name_is_noticed(source: str, name: str) -> None:
    assert private_names(source) == [name]


def test_what_prefect_offers_is_no_private_name() -> None:
    source = "from prefect.workers.process import ProcessWorker\nclass W(ProcessWorker):\n _logo_url = ''\n _own = 1"
    assert private_names(source) == []
