"""Root never walks where an owner may write: every place that could is found, and has its reason or goes by descriptor."""

import ast
import re
from collections.abc import Iterator

import pytest

from tests import ROOT
from tests.syntax_trees import called_name, imported_names

FOLDERS = ("dz", "infra")
NOT_ROOT = ("dz/shim/",)
"""What runs as the project's user in the project's own interpreter."""
WALKS = {
    *(
        "shutil.rmtree",
        "shutil.copytree",
        "shutil.copy",
        "shutil.copy2",
        "shutil.copyfile",
        "shutil.move",
        "shutil.chown",
    ),
    *("shutil.make_archive", "shutil.unpack_archive", "tarfile.open", "zipfile.ZipFile"),
    *("os.walk", "os.fwalk", "os.chown", "os.lchown", "os.chmod", "os.link", "os.removedirs", "os.renames"),
}
METHODS = {"rglob", "hardlink_to", "chmod", "lchmod"}
"""Methods of paths that go down a tree or change what they find."""
READS = {"read_text", "read_bytes", "open"}
ROOMS = (
    "dz/tasklib/verification/",
    "dz/tasklib/proof/",
    "dz/tasklib/virtualenvs/",
    "dz/tasklib/appservers/",
    "dz/tasklib/bundles/",
)
"""Rooms that handle what projects made: there a file is read by `trees.read`, or else for a reason."""
TREES = "dz/adapters/trees.py"

REASONS = {
    "dz/adapters/walls/containers/engine.py:_root: tarfile.open": "made in memory",
    "dz/adapters/walls/containers/rooms.py": "a folder of root's in one that only root enters; containers see it read-only",
    "dz/tasklib/bundles/layers.py:_bring: chmod": "extracted layers are root's own, and no project can write in them",
    "dz/tasklib/retention.py:_bytes: os.fwalk": "it measures by descriptor, follows no link, and changes nothing",
    "dz/adapters/loaded_project.py": "`hold` is a folder of ours, and its socket is made through a descriptor of it",
    "dz/adapters/supervisor.py": "the supervisor's own folder, 0700",
    "dz/adapters/nginx.py:_close: chmod": "the proxy's own folder, in a folder of ours",
    "dz/adapters/nginx.py:_close: os.chown": "the same",
    "dz/adapters/nginx.py:test: shutil.copyfile": "the proxy's own configuration",
    "dz/adapters/python_downloads.py:_open_to_readers: chmod": "a Python that we fetched, in a folder of ours, 0700 until done",
    "dz/adapters/python_downloads.py:_tree: os.walk": "the same",
    "dz/adapters/users.py:closed_folder: chmod": "a folder of ours in a folder of ours",
    "dz/adapters/users.py:closed_folder: os.chown": "the same",
    "dz/adapters/users.py:home: chmod": "a user's folder in a folder of ours, which only we can replace",
    "dz/adapters/users.py:home: os.chown": "the same",
    "dz/adapters/users.py:owned: os.chown": "the same",
    "dz/adapters/writable_tree.py:_give: chmod": "a copy that is made in a folder of ours, 0700 until done",
    "dz/adapters/writable_tree.py:_give: os.chown": "the same",
    "dz/adapters/writable_tree.py:_link: os.link": "the same",
    "dz/adapters/writable_tree.py:_link: shutil.copy2": "the same",
    "dz/adapters/writable_tree.py:make: chmod": "the same",
    "dz/adapters/writable_tree.py:make: os.chown": "the same",
    "dz/adapters/writable_tree.py:make: os.walk": "the same",
    "dz/adapters/writable_tree.py:make: shutil.copytree": "the same; the code it copies is root's",
    "dz/tasklib/appservers/configure.py:write_files: os.chown": "home and media of an instance, in folders of ours",
    "dz/tasklib/appservers/health.py:_end_of: open": "logs lie in a folder of ours, 0700",
    "dz/tasklib/appservers/instance.py:secrets: read_text": "a file of ours in a folder of ours, which its user can only read",
    "dz/tasklib/checkouts/absent.py:_files: os.walk": "a checkout, which is ours",
    "dz/tasklib/appservers/walls.py:of_file: read_text": "a file of ours in a folder of ours",
    "dz/tasklib/appservers/stop.py:take_down: read_text": "the same",
    "dz/tasklib/bundles/build.py:_link: os.link": "from a checkout, which is ours, into a folder of ours, 0700",
    "dz/tasklib/bundles/build.py:archive: shutil.copytree": "the same",
    "dz/tasklib/bundles/packing.py:_locked_index: read_text": "the folder of layers is ours, 0700",
    "dz/tasklib/proof/rooms.py:room: chmod": "a folder of ours in a folder of ours",
    "dz/tasklib/verification/catalogs.py:lend_compiler: read_bytes": "a module of the platform",
    "dz/tasklib/verification/dry_run.py:_run_once: chmod": "folders of ours in a folder of ours",
    "dz/tasklib/verification/migrations.py:_ignored: open": "a checkout, which is ours",
    "dz/tasklib/verification/migrations.py:read: read_text": "the folder of a project's builds, which is ours",
    "dz/tasklib/verification/shim.py:digest: read_bytes": "files of the platform",
    "dz/tasklib/verification/shim.py:write: read_bytes": "the same",
    "dz/tasklib/verification/verification.py:verify: chmod": "a folder of ours in a folder of ours",
    "dz/tasklib/virtualenvs/indexes.py:content: read_text": "a checkout, which is ours",
    "dz/tasklib/virtualenvs/lines.py:decoded: read_bytes": "the same",
    "dz/tasklib/virtualenvs/local_packages.py:_head: open": "the same",
    "dz/tasklib/virtualenvs/dated.py:_notes: read_text": "the folder of a project's virtualenvs, which is ours",
    "dz/tasklib/virtualenvs/local_packages.py:copies: shutil.copytree": "from a checkout into a folder that is ours until all is copied",
    "dz/tasklib/virtualenvs/local_packages.py:digest: open": "a checkout, which is ours",
    "dz/tasklib/virtualenvs/local_packages.py:digest: rglob": "the same",
    "dz/tasklib/virtualenvs/lockfiles.py:_poetry_lock: read_text": "the same",
    "dz/tasklib/virtualenvs/lockfiles.py:_reachable: read_text": "the same",
    "dz/tasklib/virtualenvs/lockfiles.py:is_static: read_text": "the same",
    "dz/tasklib/virtualenvs/lockfiles.py:read: read_text": "the same",
    "dz/tasklib/virtualenvs/virtualenvs.py:_without_foreign: read_text": "the folder of a project's virtualenvs, which is ours",
    "dz/tasklib/virtualenvs/virtualenvs.py:_workspace: chmod": "a folder of ours in a folder of ours",
    "dz/tasklib/virtualenvs/wheels.py:_workspace: chmod": "the same",
    "dz/zoomdb/encryption.py:create_key_file: os.link": "the platform's key, in a folder of ours",
    "infra/bootstrap.py": "the platform's own environments, made before its packages are there",
    "infra/local/layout.py": "the folders of the local stack",
    "infra/local/postgres.py:_own: os.chown": "folders of PostgreSQL's user, in folders of ours",
}
"""Each place by file, function and call, or a whole file, with who could change what lies on that path: nobody but us."""


def places(source: str, *, reads: bool) -> Iterator[str]:
    """Yield `function: call` for what goes by path where somebody else might have changed it."""
    tree = ast.parse(source)
    names = imported_names(tree)
    waiting: list[tuple[ast.AST, str]] = [(tree, "")]
    while waiting:
        node, function = waiting.pop()
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            function = node.name
        waiting += [(child, function) for child in ast.iter_child_nodes(node)]
        if isinstance(node, ast.Call) and (call := _judged(node, names, reads=reads)):
            yield f"{function}: {call}"


def _judged(node: ast.Call, names: dict[str, str], *, reads: bool) -> str | None:
    """Return the name of a call that goes by path."""
    name = called_name(node, names)
    if name in WALKS:
        return None if {one.arg for one in node.keywords} & {"dir_fd", "src_dir_fd"} else name
    method = node.func.attr if isinstance(node.func, ast.Attribute) else ""
    if name.startswith(("os.", "shutil.")):
        return None
    return method if method in METHODS or (reads and method in READS) else None


def found_in_the_product() -> set[str]:
    """Return `file:function: call` of every place."""
    paths = (path for folder in FOLDERS for path in (ROOT / folder).rglob("*.py"))
    files = {str(path.relative_to(ROOT)): path for path in paths}
    return {
        f"{name}:{call}"
        for name, path in files.items()
        if not name.startswith(NOT_ROOT) and name != TREES
        for call in places(path.read_text(), reads=name.startswith(ROOMS))
    }


def test_every_place_where_root_goes_by_path_has_a_reason() -> None:
    found = found_in_the_product()
    assert {place for place in found if place not in REASONS and place.partition(":")[0] not in REASONS} == set()


def test_no_reason_outlives_its_place() -> None:
    found = found_in_the_product()
    assert REASONS.keys() - found - {place.partition(":")[0] for place in found} == set()


@pytest.mark.parametrize(
    "snippet",
    [
        "import shutil\nshutil.rmtree(path)",
        "from shutil import rmtree as gone\ngone(path)",
        "import os\nfor one in os.walk(path): os.chown(one, 1, 1)",
        "path.chmod(0o644)",
        "path.rglob('*')",
        "report.read_text()",
        "with path.open('rb') as stream: pass",
        "import os\nos.chmod(path, 0o755)",
    ],
)
def test_the_finder_finds_a_new_place(snippet: str) -> None:
    assert list(places(snippet, reads=True))


@pytest.mark.parametrize(
    "snippet",
    [
        "import os\nos.chown(name, 1, 1, dir_fd=folder, follow_symlinks=False)",
        "from dz.adapters import trees\ntrees.remove_tree(path)",
        "import os\nos.fchmod(descriptor, 0o755)",
    ],
)
def test_the_finder_lets_through_what_goes_by_descriptor(snippet: str) -> None:
    assert list(places(snippet, reads=True)) == []


def test_the_section_of_the_security_page_names_each_room_that_hands_files_on() -> None:
    text = (ROOT / "docs" / "security.md").read_text()
    users = (path for room in ("dz/adapters", "dz/tasklib", "dz/worker") for path in (ROOT / room).rglob("*.py"))
    calls = re.compile(r"\btrees\.(remove_tree|discard_tree|take_over|hand_over|read|matching|folder_below)\b")
    named = {str(path.relative_to(ROOT / "dz")) for path in users if calls.search(path.read_text())} - {
        "adapters/trees.py"
    }
    assert {name for name in named if f"`{name}`" not in text} == set()
