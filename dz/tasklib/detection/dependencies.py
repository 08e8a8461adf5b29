"""Which files a deploy installs dependencies from, and with which package manager."""

import re

from dz.tasklib.detection import workspaces
from dz.tasklib.detection.documents import table, toml
from dz.tasklib.detection.model import Variable
from dz.tasklib.detection.paths import beginning, folder_of, joined, relative
from dz.tasklib.detection.tree import Tree

_SCRIPTS = re.compile(r"(^|/)([Dd]ockerfile[\w.-]*|[\w-]+\.sh|[Mm]akefile|README[\w.]*|render\.yaml|\.travis\.yml)$")
_INSTALLS = re.compile(r"pip3? +install[^\n&|;]{0,200}?-r +([\w./-]+)")
_BUILDS = re.compile(r"(^|/)([Dd]ockerfile[\w.-]*|(?!.*(?:dev|test|local))[\w-]+\.sh|render\.yaml|Procfile)$")
"""Files that say how a site is built, not how people work on it."""
_LOGIN = re.compile(r"https://([^/@\s]{0,200})@")
_TOKEN = re.compile(r"\$\{([A-Z_][A-Z0-9_]*)\}")
_SENTENCE = re.compile(r"- \w|[A-Za-z][\w-]* +[A-Za-z(]")
_IS_DJANGO = re.compile(r"django\s*([\[<>=~!;]|$)", re.IGNORECASE)
_OWN_DATABASE = re.compile(r"postgres|psycopg|pgsql", re.IGNORECASE)
_DECLARES = re.compile(r"(^|/)([\w-]*requirements\.txt|setup\.py)$")
_NAMED = re.compile(
    r"(requirements?|reqs?|deps)/([\w-]+/)?[\w.-]+\.(txt|pip|in)|[\w.-]*(requirements?|reqs)[\w.-]*\.(txt|pip|in)"
    r"|req[a-z]{2,8}ments?\.txt"  # misspelt
)
_NESTED = re.compile(r"/(requirements?|reqs?|deps)/[\w.-]+\.(txt|pip|in)$")
_LOCKS = {"uv": "uv.lock", "poetry": "poetry.lock", "pdm": "pdm.lock", "pipenv": "Pipfile.lock"}
NOT_DEPLOYED = re.compile(
    r"dev|(?<!la)test|local|doc(?!ker)|lint|debug|build|optional|extra|travis|circleci|jenkins|quality|style|format|typing|mypy"
    r"|coverage|benchmark|notebook|jupyter|(?<![a-z])(ci|qa|tox|tools?|checks?|github|gitlab|actions|examples?)(?![a-z])",
    re.IGNORECASE,
)
"""Names of files for those who work on the project, and for the machines that test it."""
_PRODUCTION = re.compile(r"prod|deploy|live|heroku|server", re.IGNORECASE)
_BASIC = re.compile(r"base|common|requirements\.txt$|default|main", re.IGNORECASE)


def find(tree: Tree, root: str) -> tuple[str, tuple[str, ...]]:
    """Return the package manager and the files that a deploy installs from."""
    folders = list(dict.fromkeys([root, *_above(root)]))
    for folder in folders:
        manager, files = _in_folder(tree, folder)
        if files and files[0].endswith("setup.py"):
            named = _installed(tree, folders)
            files = named if any(_names_django(tree, path) for path in named) else files
        if files:
            return manager, files
    inside = f"{root}/" if root else ""
    nested = [path for path in tree.named("requirements.txt") if path.startswith(inside) and _deployed(path)]
    if nested:
        return "pip", chain(tree, nested[0])
    deeper = [path for path in tree.files if path.startswith(inside) and _NESTED.search(path) and _deployed(path)]
    files = requirements(tree, folder_of(folder_of(deeper[0]))) if deeper else ()
    files = files or _installed(tree, folders) or _for_development(tree, folders)
    return ("pip" if files else "none"), files


def _deployed(path: str) -> bool:
    """Say whether neither the name of a file nor that of its folder says that it is for development, tests or documents."""
    folder, _, name = path.rpartition("/")
    return not NOT_DEPLOYED.search(name) and not NOT_DEPLOYED.search(folder.rpartition("/")[2])


def _for_development(tree: Tree, folders: list[str]) -> tuple[str, ...]:
    """Return a file for development with all that it includes, if nothing but such files says that Django is needed."""
    for folder in folders:
        for _, path in sorted(_named_requirements(tree, folder), key=lambda pair: _rank(*pair)):
            files = chain(tree, path)
            if any(_names_django(tree, one) for one in files):
                return files
    return ()


def _installed(tree: Tree, folders: list[str]) -> tuple[str, ...]:
    """Return the file that a Dockerfile or a script passes to pip, whatever it is called."""
    for path in [p for p in tree.files if folder_of(p) in folders and _SCRIPTS.search(p)]:
        for match in _INSTALLS.finditer(tree.text(path) or ""):
            for folder in folders if _deployed(match[1]) else ():
                if tree.has(relative(folder, match[1])):
                    return chain(tree, relative(folder, match[1]))
    return ()


def _built_from(tree: Tree, folder: str) -> set[str]:
    """Return the files that what builds the site passes to pip."""
    scripts = [path for path in tree.files if folder_of(path) in (folder, "") and _BUILDS.search(path)]
    named = [match[1] for path in scripts for match in _INSTALLS.finditer(tree.text(path) or "")]
    places = [relative(base, name) for name in named for base in dict.fromkeys((folder, ""))]
    return {path for path in places if tree.has(path)}


def _above(folder: str) -> list[str]:
    found = []
    while folder:
        folder = folder_of(folder)
        found.append(folder)
    return found


def _in_folder(tree: Tree, folder: str) -> tuple[str, tuple[str, ...]]:
    pyproject = joined(folder, "pyproject.toml")
    data = toml(tree, pyproject)
    project, tool = table(data, "project"), table(data, "tool")
    groups = [
        entry for group in table(data, "dependency-groups").values() if isinstance(group, list) for entry in group
    ]
    listed = (
        bool(project.get("dependencies"))
        or any(_IS_DJANGO.match(str(entry)) for entry in groups)
        or "dependencies" in str(project.get("dynamic"))
    )
    standard = joined(folder, "pylock.toml")
    chosen = (standard,) if tree.has(standard) else requirements(tree, folder)
    for manager in ("uv", "poetry", "pdm"):
        lock = joined(_lock_folder(tree, folder, manager), _LOCKS[manager])
        poetic = manager == "poetry" and bool(table(tool, "poetry").get("dependencies"))
        if (
            (tree.has(lock) and (listed or poetic))
            or poetic
            or (manager == "pdm" and "pdm" in tool and listed and not chosen)
        ):
            return manager, (pyproject, *([lock] if tree.has(lock) else []), *chosen)
    if tree.has(joined(folder, "Pipfile")) and not any(path.endswith((".txt", ".pip")) for path in chosen):
        lock = joined(folder, "Pipfile.lock")
        return "pipenv", (joined(folder, "Pipfile"), *([lock] if tree.has(lock) else []))
    if chosen:
        return "pip", chosen
    if listed:
        return ("uv" if "uv" in tool else "pip"), (pyproject,)
    setup = [joined(folder, name) for name in ("setup.py", "setup.cfg")]
    if tree.has(setup[0]) and any("install_requires" in (tree.text(path) or "") for path in setup):
        return "pip", (setup[0],)
    return "none", ()


def _lock_folder(tree: Tree, folder: str, manager: str) -> str:
    """Return where the lock file of a package lies: that of a workspace's member lies above it."""
    found = workspaces.of(tree, folder) if manager == "uv" and not tree.has(joined(folder, "uv.lock")) else None
    return found.folder if found else folder


def requirements(tree: Tree, folder: str) -> tuple[str, ...]:
    """Return the requirements file of a folder that a deploy would install, and every file that it includes."""
    found = [(name, path) for name, path in _named_requirements(tree, folder) if not NOT_DEPLOYED.search(name)]
    found = [(name, path) for name, path in found if "constraint" not in name.lower()]
    found = [pair for pair in found if not _dangling(tree, pair[1])] or found
    found = [pair for pair in found if not _prose(tree, pair[1])]
    if not found:
        return ()
    plain = [path for name, path in found if name == "requirements.txt"]
    best = min(found, key=lambda pair: _rank(*pair))[1]
    if plain and best not in plain and _built_from(tree, folder) == {plain[0]}:
        best = plain[0]
    whole = chain(tree, best)
    if plain and best not in plain and plain[0] not in whole:
        beyond = chain(tree, plain[0])
        aside = any(not _deployed(one) for one in beyond)
        whole = (
            beyond if (len(beyond) > 1 and not aside) or _PRODUCTION.search(best.rsplit("/", 1)[-1]) is None else whole
        )
    return _with_django(tree, whole, sorted(found, key=lambda pair: _rank(*pair)))


def _named_requirements(tree: Tree, folder: str) -> list[tuple[str, str]]:
    """Return (name inside the folder, path) of every file that is called requirements, or lies in a folder called so."""
    inside = beginning(folder)
    named = [(path[len(inside) :], path) for path in tree.files if path.startswith(inside)]
    return [(name, path) for name, path in named if _NAMED.fullmatch(name)]


def _with_django(tree: Tree, files: tuple[str, ...], found: list[tuple[str, str]]) -> tuple[str, ...]:
    """Return the files and, if none of them names Django, also the first file for a deploy that does."""
    if any(_names_django(tree, path) for path in files):
        return files
    for _, path in found:
        if not path.endswith(".in") and path not in files:
            more = chain(tree, path)
            if any(_names_django(tree, one) for one in more):
                return tuple(dict.fromkeys([*files, *more]))
    return files


def _names_django(tree: Tree, path: str) -> bool:
    return any(_IS_DJANGO.match(line.strip()) for line in (tree.text(path) or "").splitlines())


def _rank(name: str, path: str) -> tuple[int, int, str]:
    last = name.rsplit("/", 1)[-1]
    if name == "requirements.txt":
        kind = 1
    elif NOT_DEPLOYED.search(last):
        kind = 5
    elif _PRODUCTION.search(last):
        kind = 0
    elif _OWN_DATABASE.search(last):
        kind = 1
    else:
        kind = 2 if _BASIC.search(last) else 3
    return kind + (4 if name.endswith(".in") else 0), name.count("/"), name


def _dangling(tree: Tree, path: str) -> bool:
    """Say whether a requirements file does nothing but include files that do not exist."""
    lines = [line.strip() for line in (tree.text(path) or "").splitlines()]
    told = [line for line in lines if line and not line.startswith("#")]
    return bool(told) and all(line.startswith("-r") for line in told) and len(chain(tree, path)) == 1


def _prose(tree: Tree, path: str) -> bool:
    """Say whether a file called requirements is a text for people, most of whose lines name no package."""
    lines = [line.split("#")[0].strip() for line in (tree.text(path) or "").splitlines()]
    told = [line for line in lines if line]
    return sum(bool(_SENTENCE.match(line)) for line in told) * 2 > len(told)


def chain(tree: Tree, path: str, seen: tuple[str, ...] = ()) -> tuple[str, ...]:
    """Return a requirements file and all files that it includes with -r or -c, in order."""
    if path in seen or not tree.has(path) or len(seen) > 20:
        return seen
    seen = (*seen, path)
    for line in (tree.text(path) or "").splitlines():
        included = re.match(r"\s*(?:-r|--requirement|-c|--constraint)[ =]*([^\s#]+)", line)
        if included:
            seen = chain(tree, relative(folder_of(path), included[1]), seen)
    return seen


def declared(tree: Tree, root: str, files: tuple[str, ...]) -> tuple[str, ...]:
    """Return every file that lists what a project of Python 2 needs; none of them can be installed any more."""
    every = [path for path in tree.files if folder_of(path) in (root, "") and _DECLARES.search(path)]
    every = [path for path in every if _deployed(path)]
    return tuple(dict.fromkeys([*files, *every]))


def files_for(manager: str, files: tuple[str, ...]) -> tuple[str, ...]:
    """Return the files that `manager` itself installs from."""
    names = {"uv": ("pyproject.toml", "uv.lock"), "poetry": ("pyproject.toml", "poetry.lock"),
             "pdm": ("pyproject.toml", "pdm.lock"), "pipenv": ("Pipfile", "Pipfile.lock")}.get(manager)  # fmt: skip
    if manager == "none":
        return ()
    if names is None:
        plain = tuple(path for path in files if path.endswith((".txt", ".pip", ".in")))
        return plain or tuple(path for path in files if not path.endswith(".lock"))
    return tuple(path for path in files if path.rsplit("/", 1)[-1] in names)


def tokens(tree: Tree, files: tuple[str, ...]) -> list[Variable]:
    """Return the variables that addresses in the files take a token from, as `https://${TOKEN}@host/` does."""
    found: dict[str, Variable] = {}
    for path in files:
        for number, line in enumerate((tree.text(path) or "").splitlines(), 1):
            logins = " ".join(_LOGIN.findall(line.partition("#")[0]))
            for name in _TOKEN.findall(logins):
                note = "a private package is fetched with it"
                found.setdefault(name, Variable(name, f"{path}:{number}", required=True, is_secret=True, note=note))
    return list(found.values())
