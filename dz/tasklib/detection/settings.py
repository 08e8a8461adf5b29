"""Which settings module a production deploy uses."""

import ast
import re
from dataclasses import dataclass, field

from dz.tasklib.detection import entrypoints, namespaces, running
from dz.tasklib.detection.modules import Modules
from dz.tasklib.detection.paths import beginning, joined
from dz.tasklib.detection.roots import Root
from dz.tasklib.detection.syntax import source
from dz.tasklib.detection.tree import Tree

_PRODUCTION = re.compile(r"(^|_)(prod|production|prd|deploy|deployment|live|release)(_|$|settings)", re.IGNORECASE)
_HOSTED = re.compile(
    r"(^|_)(heroku|render|railway|fly|aws|ec2|azure|gcp|server|pythonanywhere|docker|container)(_|$)", re.IGNORECASE
)
_OTHER = re.compile(
    r"(^|_)(dev|devel|develop|development|local|localhost|tests?|testing|ci|travis|debug|stage|staging|qa|e2e|demo|example|sample"
    r"|docs|build|pytest|circleci|github|sandbox|template|dist|default_?local|vagrant|mypy|playground)(_|$|settings)",
    re.IGNORECASE,
)
_BASE = re.compile(r"(^|_)(base|common|defaults?|shared|settings_global|global)(_|$)", re.IGNORECASE)
_WORD = r"['\"]?([A-Za-z_]\w*(?:\.[A-Za-z_]\w*)*)['\"]?"
_MENTION = re.compile(rf"DJANGO_SETTINGS_MODULE['\"]?\s*(?:[,=:\]]|\s)\s*=?\s*(?:\$\{{\w+:?-)?{_WORD}")
_FLAG = re.compile(rf"--settings[= ]{_WORD}")
_CORE = ("INSTALLED_APPS", "ROOT_URLCONF")

_ENTRY = re.compile(r"(^|/)\w*[aw]sgi\w*\.py$")
_NOT_ASKED = re.compile(r"(^|/)(docs?|tests?|node_modules)/|\.(md|rst|lock)$")
_WEIGHTS = (
    (re.compile(r"(^|/)\w*(wsgi\.py|\.wsgi)$"), 30, False),
    (re.compile(r"(^|/)asgi\.py$"), 12, False),
    (re.compile(r"(^|/)celery[^/]*$"), 12, False),
    (re.compile(r"(^|/)(procfile|app\.(json|yaml)|render\.yaml|fly\.toml|heroku\.yml)$"), 35, True),
    (re.compile(r"(^|/)(docker|container)file[^/]*$|\.dockerfile$"), 35, False),
    (
        re.compile(r"docker|compose|\.service$|supervisor|uwsgi|gunicorn|entrypoint|start|deploy|railway|nixpacks"),
        25,
        True,
    ),
)
"""Pattern of a path, weight of the settings that it names, whether it counts outside the project's root."""
_BY_HAND = 20
_STARTS = 12
"""The weight of manage.py, which people run by hand, and the least one of what starts a site."""


@dataclass
class Candidate:
    """A settings module that was considered.

    Args:
        complete: it holds all that Django asks for.
        built: only a build or a test names it.
        reasons: where it is named for the running site.
    """

    module: str
    path: str
    basis: str
    score: int = 0
    complete: bool = False
    built: bool = False
    reasons: list[str] = field(default_factory=list)


def role(module: str) -> str:
    """Return what a settings module is for, by its name: production, hosted, other, base or plain."""
    last = module.rpartition(".")[2]
    for pattern, name in ((_OTHER, "other"), (_PRODUCTION, "production"), (_BASE, "base"), (_HOSTED, "hosted")):
        if pattern.search(last):
            return name
    return "plain"


def candidates(tree: Tree, root: Root, modules: Modules) -> list[Candidate]:
    """Return the settings modules of a project, the likeliest for production first."""
    found: dict[str, Candidate] = {}
    for path in tree.files:
        if _looks_like_settings(tree, root, path):
            name = modules.name(path)
            if name and modules.path(name) == path:
                found[name] = Candidate(name, path, f"{path}:1")
    for module, weight, basis in mentions(tree, root, modules):
        mentioned = modules.path(module)
        if mentioned:
            candidate = found.setdefault(module, Candidate(module, mentioned, basis))
            candidate.score += weight
            if weight > 0 and not candidate.reasons:
                candidate.basis = basis
            candidate.reasons.append(basis)
    _mark_built(tree, found)
    told = {candidate.module.rpartition(".")[0] for candidate in found.values() if candidate.reasons}
    for candidate in found.values():
        candidate.score += 5 if candidate.module.rpartition(".")[0] in told - {""} else 0
        names = namespaces.defined(tree, modules, candidate.module)
        candidate.complete = set(_CORE) <= names or "*" in names
        candidate.score += {"production": 60, "hosted": 5, "plain": 10, "base": -25, "other": -70}[
            role(candidate.module)
        ]
        candidate.score += 20 if "ROOT_URLCONF" in names else 0
        candidate.score -= 70 if candidate.built and role(candidate.module) != "other" else 0
        candidate.complete &= not namespaces.is_part(tree, modules, candidate.module)
        candidate.score -= (
            30 if any(role(name) == "other" for name in namespaces.starred(tree, modules, candidate.module)) else 0
        )
    _drop_other_names(tree, root, found)
    usable = [c for c in found.values() if c.complete or (c.reasons and c.score > 0)] or list(found.values())
    return sorted(usable, key=lambda c: (-(c.complete), -c.score, c.module.count("."), len(c.module), c.module))


def _drop_other_names(tree: Tree, root: Root, found: dict[str, Candidate]) -> None:
    """Keep one name for a file that can be imported under several: the one by which manage.py calls it."""
    files = [path for path in tree.named("manage.py") if path.startswith(beginning(root.folder))][:5]
    told = {module for path in files for module, _ in named_in(tree, path)}
    paths = {found[module].path for module in told if module in found}
    for module in [name for name, one in found.items() if one.path in paths and name not in told]:
        del found[module]


def _mark_built(tree: Tree, found: dict[str, Candidate]) -> None:
    """Note on the candidates which of them only builds and tests use; a name that says production outweighs that."""
    for module, basis in _built(tree).items():
        known = found.get(module)
        if known and not known.reasons and role(module) == "production":
            known.basis, known.reasons = basis, [basis]
        elif known and not known.reasons:
            known.built = True


def unclear(ranked: list[Candidate]) -> bool:
    """Say whether it is doubtful that the first candidate holds the production settings."""
    if not ranked:
        return True
    best = ranked[0]
    if not best.complete or role(best.module) == "other" or (best.built and len(ranked) > 1):
        return True
    rivals = [c for c in ranked[1:] if c.complete and not c.built and role(c.module) not in ("other", "base")]
    if role(best.module) == "base":
        return any(c.complete and role(c.module) == "other" for c in ranked[1:])
    return bool(rivals) and rivals[0].score >= best.score


def _looks_like_settings(tree: Tree, root: Root, path: str) -> bool:
    if not path.endswith(".py") or not path.startswith(beginning(root.folder)):
        return False
    inner = path[len(root.folder) :]
    if re.search(
        r"/(migrations|tests?|docs|templates|management|examples?|\w*(archived?|obsolete|deprecated|backup|unused)|old)/",
        f"/{inner}",
    ):
        return False
    if not re.search(r"(settings|config|conf|prod|production|base|local|dev|heroku)", inner, re.IGNORECASE):
        return False
    text = tree.text(path) or ""
    own = sum(
        bool(re.search(rf"(?m)^\s*{name}\b", text))
        for name in (*_CORE, "DATABASES", "MIDDLEWARE", "SECRET_KEY", "DEBUG")
    )
    return (
        own >= 3
        or (_CORE[0] in text and own >= 1)
        or ("settings" in path and bool(re.search(r"import \*|include\(|configurations", text)))
    )


def mentions(tree: Tree, root: Root, modules: Modules) -> list[tuple[str, int, str]]:
    """Return (module, weight, basis) for every place that names a settings module."""
    found = []
    entries = {modules.name(path) for path in tree.files if _ENTRY.search(path)}
    commands = entrypoints.started(tree) & entries
    passed_on = running.passes_on(tree)
    for path in tree.files:
        weight = _weight(path, root)
        text = tree.text(path) if weight else None
        if not text or ("SETTINGS_MODULE" not in text and "--settings" not in text):
            continue
        if path.endswith(".py"):
            other = bool(commands) and bool(_ENTRY.search(path)) and modules.name(path) not in commands
            weight = weight // 3 if other else weight
            found += [(module, weight, basis) for module, basis in named_in(tree, path)]
            continue
        plain = running.text(tree, path, passed_on=passed_on)
        numbered = plain.count("\n") >= (tree.text(path) or "").rstrip("\n").count("\n")
        for match in _named(plain):
            line = plain.count("\n", 0, match.start(1)) + 1
            found.append((match[1], weight, f"{path}:{line}" if numbered else tree.line(path, match[1])))
    return found


def _named(text: str) -> list[re.Match[str]]:
    return [match for pattern in (_MENTION, _FLAG) for match in pattern.finditer(text)]


def _built(tree: Tree) -> dict[str, str]:
    """Return the modules that builds and tests use, whoever else uses them, with their basis."""
    return {
        match[1]: tree.line(path, match[1])
        for path, text in running.others(tree)
        if "SETTINGS_MODULE" in text or "--settings" in text
        for match in _named(text)
    }


def absent(tree: Tree, root: Root, modules: Modules, chosen: str) -> dict[str, str]:
    """Return the paths of settings modules that start commands name but that are not committed, with their basis.

    Args:
        chosen: the module that is taken instead; only modules of the same package, or inside of it, count.
    """
    return {path: basis for _, path, basis in uncommitted(tree, root, modules, chosen)}


def uncommitted(tree: Tree, root: Root, modules: Modules, chosen: str) -> list[tuple[str, str, str]]:
    """Return (module, path, basis) of the settings modules that start commands name but that are not committed."""
    found = {}
    named = mentions(tree, root, modules)
    given = {basis.rpartition(":")[0] for module, _, basis in named if modules.path(module)}
    for module, weight, basis in named:
        package, _, name = module.rpartition(".")
        other = basis.rpartition(":")[0] in given  # the same file knows what to do without it
        if weight < _STARTS or modules.path(module) or module in found or other:
            continue
        path = modules.path(package) if package else joined(root.folder, "__init__.py")
        if path and path.endswith("__init__.py") and package in (chosen, chosen.rpartition(".")[0]):
            found[module] = (f"{path.removesuffix('__init__.py')}{name}.py", basis)
    return [(module, path, basis) for module, (path, basis) in found.items()]


def lacks(tree: Tree, root: Root, modules: Modules, best: Candidate) -> list[tuple[str, str, str]]:
    """Return what `uncommitted` does if the production settings are among that, so that none of the others may be taken."""
    missing = uncommitted(tree, root, modules, best.module)
    given = any(module == best.module and weight > _BY_HAND for module, weight, _ in mentions(tree, root, modules))
    return [] if given or role(best.module) == "production" else missing


def place(tree: Tree, inside: str, module: str) -> str | None:
    """Return the folder below which a module lies, if there is one in the tree, the nearest to the root.

    Args:
        inside: what the path begins with.
    """
    ends = [f"{module.replace('.', '/')}{end}" for end in (".py", "/__init__.py")]
    found = (
        path.removesuffix(end).rstrip("/") for end in ends for path in tree.files if f"/{path}".endswith(f"/{end}")
    )
    return next((folder for folder in found if f"{folder}/".startswith(inside)), None)


def named_in(tree: Tree, path: str) -> list[tuple[str, str]]:
    """Return the settings modules that a Python file may set, with their basis."""
    module = tree.module(path)
    if module is None:
        return []
    assigned = {
        t.id: n.value
        for n in ast.walk(module)
        if isinstance(n, ast.Assign)
        for t in n.targets
        if isinstance(t, ast.Name)
    }
    values: list[ast.expr] = []
    for node in ast.walk(module):
        if isinstance(node, ast.Call) and any(
            isinstance(a, ast.Constant) and a.value == "DJANGO_SETTINGS_MODULE" for a in node.args[:1]
        ):
            values += node.args[1:2]
        elif isinstance(node, ast.Assign) and "DJANGO_SETTINGS_MODULE" in source(node.targets[0]):
            values.append(node.value)
    found = []
    for value in values:
        chosen = assigned.get(value.id, value) if isinstance(value, ast.Name) else value
        texts = [part for part in ast.walk(chosen) if isinstance(part, ast.Constant) and isinstance(part.value, str)]
        found += [(str(t.value), f"{path}:{t.lineno}") for t in texts if re.fullmatch(_WORD, str(t.value))]
    return found


def _weight(path: str, root: Root) -> int:
    """Return how much it counts for production that a file names a module; 0 if it does not count."""
    lower = path.lower()
    name = lower.rsplit("/", 1)[-1]
    if _NOT_ASKED.search(lower):
        return 0
    if re.search(r"(dev|local|test|ci)\b", lower.removesuffix(".py").replace("_", " ")) or ".github" in lower:
        return int(name.startswith(("dockerfile", "docker-compose", "compose")))
    if name == "manage.py":
        return _BY_HAND if path == root.manage_py else 0
    inside = not root.folder or path.startswith(f"{root.folder}/")
    for pattern, weight, anywhere in _WEIGHTS:
        if pattern.search(lower) and (inside or anywhere):
            return weight
    return 0


def warning(tree: Tree, ranked: list[Candidate], root: Root) -> str | None:
    """Return a warning if the chosen module cannot be read, or if no file of the repository names it."""
    best = ranked[0] if ranked else None
    broken = tree.broken(best.path) if best else None
    if broken:
        return f"{broken} is no valid Python; until that is corrected, no deploy of this project can start."
    if best and not best.reasons:
        return f"{best.module} was chosen by its name; no file of the repository names it ({joined(root.folder, best.path)})."
    return None
