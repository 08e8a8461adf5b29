"""No shell, no command or SQL built of strings, and no pickle anywhere in the product: read from its syntax trees."""

import ast
import itertools
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.syntax_trees import called_name, imported_names

ROOT = Path(__file__).parents[2]
FOLDERS = ("dz", "flows", "tasks", "deployments", "blocks", "infra", "bench")
SHELLS = {"sh", "bash", "dash", "zsh", "ksh", "ash", "csh", "fish"}
SHELL_CALLS = {"os.system", "os.popen", "subprocess.getoutput", "subprocess.getstatusoutput", "pty.spawn"}
SHELL_CALLS |= {"asyncio.create_subprocess_shell", "commands.getoutput"}
SQL_TAKERS = {
    "execute",
    "executemany",
    "executescript",
    "exec_driver_sql",
    "scalar",
    "scalars",
    "text",
    "SQL",
    "copy_expert",
}
PICKLES = {"pickle", "cPickle", "_pickle", "cloudpickle", "dill", "marshal", "shelve", "jsonpickle"}


def offences(source: str) -> Iterator[str]:
    """Yield what is forbidden in a module, each as `line: reason`."""
    tree = ast.parse(source)
    full_names = imported_names(tree)
    for node in ast.walk(tree):
        for reason in (*_call(node, full_names), *_shell_words(node), *_pickle(node)):
            yield f"{getattr(node, 'lineno', 0)}: {reason}"


def _call(node: ast.AST, full_names: dict[str, str]) -> Iterator[str]:
    if not isinstance(node, ast.Call):
        return
    name = called_name(node, full_names)
    if name in SHELL_CALLS:
        yield f"{name} runs a shell"
    for keyword in node.keywords:
        if keyword.arg == "shell" and not (isinstance(keyword.value, ast.Constant) and keyword.value.value is False):
            yield "shell= may run a shell"
        if keyword.arg == "serializer" and isinstance(keyword.value, ast.Constant) and keyword.value.value != "json":
            yield "a serializer other than JSON"
    if name.rsplit(".", 1)[-1] in SQL_TAKERS and node.args and _is_built(node.args[0]):
        yield "SQL built of strings"


def _is_built(node: ast.AST) -> bool:
    """Say whether an expression puts a text together: f-string, +, %, str.format, str.join."""
    if isinstance(node, ast.JoinedStr):
        return any(isinstance(part, ast.FormattedValue) for part in node.values)
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add | ast.Mod):
        return any(
            isinstance(part, ast.JoinedStr) or _is_text(part) or _is_built(part) for part in (node.left, node.right)
        )
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in {"format", "join"}:
        return _is_text(node.func.value)
    return False


def _is_text(node: ast.AST) -> bool:
    return isinstance(node, ast.Constant) and isinstance(node.value, str)


def _shell_words(node: ast.AST) -> Iterator[str]:
    """Find `[..., "sh", "-c", ...]`, also with options together such as `-lc`."""
    if not isinstance(node, ast.List | ast.Tuple):
        return
    words = [part.value if isinstance(part, ast.Constant) else None for part in node.elts]
    for word, following in itertools.pairwise(words):
        is_shell = isinstance(word, str) and word.rsplit("/", 1)[-1] in SHELLS
        if is_shell and isinstance(following, str) and following.startswith("-") and "c" in following:
            yield "a shell's -c in an argument list"


def _pickle(node: ast.AST) -> Iterator[str]:
    modules: list[str] = []
    if isinstance(node, ast.Import):
        modules = [alias.name for alias in node.names]
    elif isinstance(node, ast.ImportFrom):
        modules = [node.module or ""]
    elif isinstance(node, ast.Call) and ast.unparse(node.func).endswith(("import_module", "__import__")):
        modules = [part.value for part in node.args if isinstance(part, ast.Constant) and isinstance(part.value, str)]
    yield from (f"{module} reads code from data" for module in modules if module.split(".")[0] in PICKLES)


EXPLAINED = ROOT / "bench" / "queries.py"
"""Puts `explain` before statements that SQLAlchemy has made itself."""
FILES = sorted(path for folder in FOLDERS for path in (ROOT / folder).rglob("*.py") if path != EXPLAINED)


def test_the_checker_reads_the_whole_product() -> None:
    assert len(FILES) > 100
    assert {path.relative_to(ROOT).parts[0] for path in FILES} == set(FOLDERS)


def test_the_product_has_no_shell_no_built_sql_and_no_pickle() -> None:
    found = [f"{path.relative_to(ROOT)}:{line}" for path in FILES for line in offences(path.read_text())]
    assert found == []


@pytest.mark.parametrize(
    "snippet",
    [
        "import subprocess\nsubprocess.run('ls', shell=True)",
        "import subprocess\nsubprocess.run(words, shell=flag)",
        "import os\nos.system('ls')",
        "from os import popen as p\np('ls')",
        "import subprocess as s\ns.getoutput('ls')",
        "run(['sh', '-c', command])",
        "run(('/bin/bash', '-lc', command))",
        "run(['env', '-i', 'sh', '-c', command])",
        "cursor.execute(f'drop role {name}')",
        "cursor.execute('drop role ' + name)",
        "cursor.execute('drop role %s' % name)",
        "cursor.execute('drop role {}'.format(name))",
        "session.execute(text(f'select {x}'))",
        "cursor.execute(sql.SQL('drop role ' + name))",
        "cursor.execute(' '.join(words))",
        "import pickle",
        "from cloudpickle import loads",
        "import importlib\nimportlib.import_module('pickle')",
        "flow(serializer='pickle')",
    ],
)
def test_the_checker_catches_what_is_forbidden(snippet: str) -> None:
    assert list(offences(snippet))


@pytest.mark.parametrize(
    "snippet",
    [
        "import subprocess\nsubprocess.run(['ls', folder])",
        "cursor.execute('select 1 where x = %s', (name,))",
        "cursor.execute(sql.SQL('drop role {}').format(sql.Identifier(name)))",
        "run([python, '-c', program])",
        "print(f'drop role {name}')",
        "subprocess.run(words, shell=False)",
    ],
)
def test_the_checker_lets_through_what_is_fine(snippet: str) -> None:
    assert list(offences(snippet)) == []
