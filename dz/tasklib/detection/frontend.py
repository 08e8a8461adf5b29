"""Whether the Django project lacks assets until Node has built its front end."""

import json
import re
from collections.abc import Iterable
from typing import Any

from dz.tasklib.detection import gitignore
from dz.tasklib.detection.documents import table
from dz.tasklib.detection.paths import beginning, folder_of, joined, parents, relative
from dz.tasklib.detection.roots import Root
from dz.tasklib.detection.tree import Tree

_BUILDERS = re.compile(
    r"webpack|vite|rollup|parcel|gulp|grunt|esbuild|tailwind|react-scripts|next|nuxt|@angular|laravel-mix|browserify|sass|less|brunch|svelte|vue-cli|bun"
)
_SCRIPT = re.compile(r"^(build|prod|production|compile|dist|bundle|css|js|assets|release)")
_ASIDE = re.compile(r"(^|/)(tests?|docs?|static|staticfiles|vendor|examples?|e2e)/")
_WRITTEN = re.compile(r"(?:--output(?:-path)?[ =]|-o[ =]?|:)([\w./-]+\.(?:css|js))\b")
_CONFIGS = re.compile(r"(vite|webpack|vue|rollup|next|nuxt|svelte|angular|package)[\w.]*\.(js|ts|mjs|cjs|json)")
_OUTSIDE = re.compile(
    r"""(\b(path|outDir|outputPath|outputDir|distDir|dest|assetsDir|base)['"]?\s*[:=][^\n]{0,80}|(--out\S*|-o|BUILD_PATH=|:)\s*['"]?)\.\./"""
)

_TEMPLATES, _LINKS, _PLACES = 200, 20, 20
"""Templates that are looked at, links of each, and folders of static files: bounds for what strangers send."""
_LINKED = re.compile(
    r"""\{%-?\s*static\s+['"]([\w./-]+\.(?:css|js))['"]|(?:href|src)=['"]/?static/([\w./-]+\.(?:css|js))['"]"""
)
_BUILT_FROM = re.compile(r"(^|/)(package\.json|tailwind\.config\.\w+)$")


def needs_node_build(tree: Tree, root: Root, settings_files: Iterable[str]) -> tuple[bool, str]:
    """Say whether Django serves what only Node can build, and name the package.json or the template that shows it.

    Linters do not count, nor does a front end that is deployed by itself or whose output is committed.

    Args:
        settings_files: the files that the production settings are read from.
    """
    texts = "\n".join(tree.text(path) or "" for path in settings_files)
    for path in tree.named("package.json"):
        if path.count("/") > 3 or _ASIDE.search(path):
            continue
        packages, scripts, runs = _read(tree, path)
        builds = any(_SCRIPT.match(name) for name in scripts) and any(
            _BUILDERS.search(value) for value in [*packages, *scripts.values()]
        )
        folder = folder_of(path)
        builds = builds and not _without_tasks(tree, folder, scripts)
        builds = builds or (not {"sass", "less", "node-sass"}.isdisjoint(packages) and _uncompiled(tree, folder))
        if not builds and not runs:
            continue
        if "node_modules" in texts:
            return True, f"{path}:1"
        if (
            (builds or _installed(tree))
            and _served(tree, root, folder, texts)
            and not _committed(tree, folder, scripts)
        ):
            return True, f"{path}:1"
    return _left_out(tree, root, texts)


def _left_out(tree: Tree, root: Root, texts: str) -> tuple[bool, str]:
    """Say whether a template links a style sheet or a script that Node makes: git ignores it, and its sources are there."""
    built = [p for p in tree.files if _BUILT_FROM.search(p) and not _ASIDE.search(p)]
    if not any(_served(tree, root, folder_of(path), texts) for path in built) or not tree.named(".gitignore"):
        return False, ""
    places = {"static", *(p[: p.index("static/") + 6] for p in tree.files if re.search(r"(^|/)static/", p))}
    places |= {joined(folder_of(path), "static") for path in tree.named("apps.py", "manage.py")}
    have = {path.rpartition("/")[2] for path in tree.files if path.endswith((".css", ".js"))}
    for path in [path for path in tree.files if path.endswith((".html", ".jinja", ".jinja2", ".j2"))][:_TEMPLATES]:
        for match in list(_LINKED.finditer(tree.text(path) or ""))[:_LINKS]:
            name = match[1] or match[2]
            there = name.rpartition("/")[2] in have and any(f"/{known}".endswith(f"/{name}") for known in tree.files)
            if not there and any(gitignore.ignored(tree, joined(place, name)) for place in sorted(places)[:_PLACES]):
                return True, tree.line(path, name)
    return False, ""


def _read(tree: Tree, path: str) -> tuple[dict[str, Any], dict[str, str], bool]:
    """Return all packages, the scripts, and whether any of the packages is for more than development."""
    try:
        data = json.loads(tree.text(path) or "")
    except (ValueError, RecursionError):
        data = {}
    packages = table(data, "dependencies")
    scripts = {name: str(value) for name, value in table(data, "scripts").items()}
    return {**packages, **table(data, "devDependencies")}, scripts, bool(packages)


def _served(tree: Tree, root: Root, folder: str, texts: str) -> bool:
    """Say whether the output of `folder` reaches the Django project; if not, it is a front end that is deployed by itself."""
    if folder in ("", root.folder):
        return True
    inside = [place for place in [folder, *parents(folder)] if place not in ("", root.folder)]
    if any(tree.has(joined(place, name)) for place in inside for name in ("__init__.py", "apps.py")):
        return True
    name = re.escape(folder.rpartition("/")[2])
    if re.search(rf"['\"/]{name}['\"/]", texts):
        return True
    configs = [path for path in tree.files if folder_of(path) == folder and _CONFIGS.fullmatch(path[len(folder) + 1 :])]
    if any(_OUTSIDE.search(tree.text(path) or "") for path in configs):
        return True
    images = [tree.text(path) or "" for path in tree.files if "dockerfile" in path.lower().rpartition("/")[2]]
    return any(re.search(rf"\b{name}\b", text) and "python" in text and "npm" in text for text in images)


def _without_tasks(tree: Tree, folder: str, scripts: dict[str, str]) -> bool:
    """Say whether the build runs tasks of gulp or grunt that are not in the repository."""
    used = any("gulp" in value or "grunt" in value for name, value in scripts.items() if _SCRIPT.match(name))
    names = [path.rpartition("/")[2].lower() for path in tree.files if folder_of(path) == folder]
    return used and not any(name.startswith(("gulpfile", "gruntfile")) for name in names)


def _installed(tree: Tree) -> bool:
    """Say whether a Dockerfile or a script of the repository uses a package manager of Node."""
    asked = [path for path in tree.files if re.search(r"(?i)(dockerfile[^/]*|\.sh|makefile|procfile)$", path)]
    return any(re.search(r"\b(npm|yarn|pnpm|bun)\b", tree.text(path) or "") for path in asked)


def _uncompiled(tree: Tree, folder: str) -> bool:
    """Say whether a style sheet among the static files lacks its compiled form."""
    inside = beginning(folder)
    sheets = [
        p.rpartition("/")
        for p in tree.files
        if p.startswith(inside) and p.endswith((".scss", ".less")) and "static/" in p
    ]
    have = {path.rpartition("/")[2].split(".")[0] for path in tree.files if path.endswith(".css")}
    return any(not name.startswith("_") and name.split(".")[0] not in have for _, _, name in sheets)


def _committed(tree: Tree, folder: str, scripts: dict[str, str]) -> bool:
    """Say whether the output of the build is committed."""
    written = [match[1] for value in scripts.values() for match in _WRITTEN.finditer(value)]
    if written:
        return all(tree.has(relative(folder, path)) for path in written)
    if not any("gulp" in value or "grunt" in value for value in scripts.values()):
        return False
    inside = beginning(folder)
    sheets = [path for path in tree.files if path.startswith(inside) and path.endswith((".scss", ".sass", ".less"))]
    stems = {path.rpartition("/")[2].rpartition(".")[0] for path in sheets}
    have = {path.rpartition("/")[2].split(".")[0] for path in tree.files if path.endswith(".css")}
    return any(stem in have for stem in stems if not stem.startswith("_"))
