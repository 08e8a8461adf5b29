"""Variables that the repository's own files give to the web process."""

import re
from collections.abc import Iterator

from dz.tasklib.detection import documents
from dz.tasklib.detection.tree import Tree
from dz.tasklib.detection.web.commands import for_others, is_compose, is_dockerfile

_EXAMPLE = re.compile(
    r"(^|/)(\.?env[\w.-]*\.(example|sample|template|dist|prod|production)|\.?env\.(example|sample|template|dist|prod|production)[\w.]*|example\.env)$"
)
_LINE = re.compile(r"(?m)^[ \t]*(?:export[ \t]+)?([A-Za-z_]\w*)[ \t]*=[ \t]*(.*)$")
_DOCKER = re.compile(r"(?mi)^[ \t]*(?:ENV|ARG)[ \t]+((?:.*\\\n)*.*)$")
_PAIR = re.compile(r"([A-Za-z_]\w*)=(\"[^\"\n]*\"|'[^'\n]*'|[^\s\\]*)")
_PLATFORMS = {"render.yaml", "app.json", "heroku.yml", "app.yaml"}


def variables(tree: Tree) -> dict[str, tuple[str, str]]:
    """Return value and basis of each variable; what starts containers says more than an example does."""
    found: dict[str, tuple[str, str]] = {}
    files = [path for path in tree.files if not for_others(path)]
    for path in (p for p in tree.files if _EXAMPLE.search(p) and not for_others(re.sub("example|sample", "", p))):
        found.update(_listed(tree, path, _LINE.findall(tree.text(path) or "")))
    for path in (p for p in files if is_dockerfile(p)):
        for text in _DOCKER.findall(tree.text(path) or ""):
            pairs = _PAIR.findall(text) or [tuple(text.split(None, 1))] * (len(text.split(None, 1)) == 2)
            found.update(_listed(tree, path, pairs))
    for path in (p for p in files if is_compose(p) or p.rpartition("/")[2] in _PLATFORMS):
        found.update(_listed(tree, path, _of_document(tree, path)))
    for path in (p for p in files if p.rpartition("/")[2] == "fly.toml"):
        table = documents.table(documents.toml(tree, path), "env")
        found.update(_listed(tree, path, [(str(name), str(value)) for name, value in table.items()]))
    return found


def _listed(tree: Tree, path: str, pairs: list[tuple[str, str]]) -> Iterator[tuple[str, tuple[str, str]]]:
    for name, raw in pairs:
        value = raw.strip()
        if value[:1] in "\"'" and value[-1:] == value[:1] and len(value) > 1:
            value = value[1:-1]
        elif " #" in value:
            value = value.partition(" #")[0].rstrip()
        if "$" not in value:
            yield name, (value, tree.line(path, name))


def _of_document(tree: Tree, path: str) -> list[tuple[str, str]]:
    """Return the variables of a compose file, a render.yaml or an app.json, however they are written there."""
    found: list[tuple[str, str]] = []
    for document in documents.load(tree, path) if re.search("env|config", tree.text(path) or "") else []:
        for keys, value in documents.walk(document):
            if isinstance(value, list) and keys and keys[-1] == "environment":
                found += [(name, text) for name, _, text in (str(one).partition("=") for one in value) if text]
            elif (
                len(keys) > 1
                and keys[-2] in {"environment", "env", "env_variables", "config"}
                and not isinstance(value, list)
            ):
                found.append((keys[-1], str(value)))
            elif len(keys) > 2 and keys[-3] == "env" and keys[-1] == "value":
                found.append((keys[-2], str(value)))
        for one in _keyed(document):
            found.append(one)
    return found


def _keyed(document: object) -> Iterator[tuple[str, str]]:
    """Yield the variables of a render.yaml, which are mappings of key and value."""
    services = document.get("services") if isinstance(document, dict) else None
    for service in services if isinstance(services, list) else []:
        for one in service.get("envVars") or [] if isinstance(service, dict) else []:
            if isinstance(one, dict) and "key" in one and "value" in one:
                yield str(one["key"]), str(one["value"])
