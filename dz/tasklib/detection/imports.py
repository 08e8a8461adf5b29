"""Imports of the settings reader; see `interpreter`."""

import ast
import fnmatch
from typing import Any

from dz.tasklib.detection import absent
from dz.tasklib.detection.environment import NATIVES, Variables
from dz.tasklib.detection.expressions import Failure
from dz.tasklib.detection.modules import Modules
from dz.tasklib.detection.packages import Packages
from dz.tasklib.detection.tree import folder_of, joined
from dz.tasklib.detection.values import PRODUCTION, UNKNOWN, Native


class Imports(Packages):
    """Loads modules of the project, each once."""

    def __init__(self, modules: Modules, variables: Variables) -> None:
        super().__init__(modules.tree, variables)
        self.modules = modules
        self.home = modules.folders[0]
        self.loaded: dict[str, dict[str, Any]] = {}
        self.implicit = False

    def block(self, statements: list[ast.stmt], scope: dict[str, Any]) -> None:
        """Run statements; the subclass knows them."""
        raise NotImplementedError

    def load(self, name: str) -> dict[str, Any] | None:
        """Return the namespace of module `name`, or None if the project has no such module."""
        path = self.modules.path(name)
        if path is None:
            return None
        if path in self.loaded:
            return self.loaded[path]
        if "." in name:
            self.load(name.rpartition(".")[0])
        module = self.modules.tree.module(path)
        scope: dict[str, Any] = {"__file__": f"/{path}", "__name__": name}
        self.loaded[path] = scope
        if module is None or len(self.loaded) > 60:
            return scope
        outer = (self.path, self.name, self.tries)
        self.path, self.name, self.tries = path, name, 0
        self.block(module.body, scope)
        self.path, self.name, self.tries = outer
        return scope

    def _run_import(self, node: ast.Import, scope: dict[str, Any]) -> None:
        for alias in node.names:
            top = alias.name if alias.asname else alias.name.split(".")[0]
            bound = alias.asname or top
            inside = self.load(alias.name)
            self.needs_file(absent.module(self.modules, node, alias.name))
            scope[bound] = Native(NATIVES[top]) if inside is None and top in NATIVES else (inside or UNKNOWN)
            if inside is not None and not alias.asname and "." in alias.name:
                scope[bound] = UNKNOWN

    def _run_importfrom(self, node: ast.ImportFrom, scope: dict[str, Any]) -> None:
        name = self.modules.absolute(node, self.name, self.path)
        inside = self.load(name) if name else None
        beside = None if inside is not None or self.tries else self.modules.implicit(node, self.name)
        if beside:
            self.implicit = True
            inside = self.load(beside)
        if inside is None and self.tries and (node.level or self.modules.is_own(name)):
            raise Failure(set(), "ImportError")
        if inside is None:
            self.needs_file(absent.module(self.modules, node, name))
        for alias in node.names:
            if alias.name == "*":
                self.star(inside, scope)
                continue
            bound = alias.asname or alias.name
            if inside is not None and alias.name in inside:
                scope[bound] = inside[alias.name]
                self.taint[id(scope), bound] = self.taint.get((id(inside), alias.name), set())
            else:
                full = f"{name}.{alias.name}"
                part = self.load(full) if self.modules.path(full) else None
                scope[bound] = part if part is not None else self.imported(full)

    def star(self, inside: dict[str, Any] | None, scope: dict[str, Any]) -> None:
        """Bring the public names of a module into `scope`."""
        for name, value in (inside or {}).items():
            if not name.startswith("_"):
                scope[name] = value
                self.taint[id(scope), name] = self.taint.get((id(inside), name), set())

    def import_named(self, args: list[Any]) -> Any:
        """Import a module by a name that the settings compute; production, however its file is called."""
        name = "".join(str(part) for part in reversed(args) if isinstance(part, str))
        package, _, last = name.rpartition(".")
        names = [name, *(f"{package}.{word}" for word in sorted(PRODUCTION) if last in PRODUCTION)]
        found = next((known for known in names if known and self.modules.path(known)), None)
        return UNKNOWN if found is None else self.load(found)

    def update_module(self, names: Any) -> Any:
        """Take over names as `globals().update` does."""
        if self.path in self.loaded and isinstance(names, dict):
            self.star(names, self.loaded[self.path])

    def include(self, args: list[Any], scope: dict[str, Any]) -> Any:
        """Run the files that django-split-settings includes, in the scope of the module that asks."""
        outer = self.path
        for pattern in args:
            wanted = joined(folder_of(outer), pattern) if isinstance(pattern, str) else ""
            stem = wanted.rpartition("/")[2].removesuffix(".py")
            if stem in PRODUCTION and not self.tree.has(wanted):
                wanted = wanted.replace(f"{stem}.py", "pr*d*.py")
            for path in sorted(fnmatch.filter(self.tree.files, wanted)):
                module = self.tree.module(path)
                if module is not None and path not in self.loaded:
                    self.loaded[path] = scope
                    self.path = path
                    self.block(module.body, scope)
        self.path = outer
        return UNKNOWN
