"""Collects what a project needs into flat requirement lines, without running any of the project.

Where a dependency comes from is kept, or refused by name: indexes (`indexes.py`), addresses, places in the repository.
Options for how packages are installed are left out with a warning. `${VAR}` is refused but for a token in an address
(`addresses.py`). A name that the repository itself defines is its folder, wherever it is listed (`own_packages.py`).
"""

import dataclasses
import re
import shlex
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path, PurePosixPath

from packaging.markers import InvalidMarker, Marker, default_environment
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from dz.adapters.interpreters import Interpreter
from dz.errors import InvalidRequirement
from dz.tasklib.configuration.plan import Plan
from dz.tasklib.detection import workspaces
from dz.tasklib.detection.documents import toml
from dz.tasklib.detection.paths import joined, relative
from dz.tasklib.detection.tree import Tree
from dz.tasklib.virtualenvs import indexes, lockfiles, own_packages, sources
from dz.tasklib.virtualenvs.entries import Entries, Entry
from dz.tasklib.virtualenvs.lines import (
    bad_line,
    check_url,
    decoded,
    has_variables,
    in_repository,
    is_path,
    left_by_conda,
    logical_lines,
    parsed,
)
from dz.tasklib.virtualenvs.local_packages import LocalPackage
from dz.tasklib.virtualenvs.own_packages import OwnPackages
from dz.tasklib.virtualenvs.requirements import Requirements
from dz.tasklib.virtualenvs.sources import Sources

_INCLUDE = re.compile(r"(?:-r|--requirement)(?:\s*=?\s*)(.+)")
_CONSTRAINT = re.compile(r"(?:-c|--constraint)(?:\s*=?\s*)(.+)")
_EDITABLE = re.compile(r"(?:-e|--editable)(?:\s*=?\s*)(.+)")
_DROPPED = re.compile(
    r"(--trusted-host|--no-index|--pre|--prefer-binary|--no-binary"
    r"|--only-binary|--require-hashes|--use-feature|--process-dependency-links)(?=[\s=]|$)"
)
_INDEX = re.compile(r"(--extra-index-url[\s=]|--index-url[\s=]|--find-links[\s=]|-i|-f)[\s=]*(\S+)")
_BUILD_FILES = ("pyproject.toml", "setup.py", "setup.cfg")
_LINE_OPTION = re.compile(r"\s(--(?:hash|config-settings|global-option|install-option)\b.*)$")


def collect(
    plan: Plan,
    root: Path,
    *,
    interpreter: Interpreter,
    export_lock: Callable[[Path, str | None], str] | None = None,
) -> Requirements:
    """Return the requirement lines of a plan for one interpreter.

    Args:
        root: the checkout's root; no file outside it is read.
        export_lock: returns the requirement lines of the uv.lock in a folder, for one package of its workspace.

    Raises:
        InvalidRequirement: a line cannot be used, a package is listed twice with different versions, or a package of
            the repository is asked for in a version that it does not have.
    """
    collector = Collector(root.resolve(), interpreter, export_lock, project=plan.project_root)
    for name in _without_shadowed(plan.dependency_files, collector.tree):
        collector.read(name)
    for number, line in enumerate(plan.extra_requirements, 1):
        collector.line(line.strip(), f"extra_requirements:{number}", PurePosixPath())
    return collector.result()


def _without_shadowed(files: tuple[str, ...], tree: Tree) -> Iterator[str]:
    """Yield the files, except those that a lock file supersedes, beside them or at the root of their workspace."""
    locked = {str(PurePosixPath(name).parent) for name in files if name.endswith(".lock")}
    for name in files:
        path = PurePosixPath(name)
        loose = path.name in {"pyproject.toml", "Pipfile", "setup.py", "setup.cfg"}
        above = (
            workspaces.of(tree, relative("", str(path.parent))) if path.name == "pyproject.toml" and locked else None
        )
        if not (loose and (str(path.parent) in locked or (above and (above.folder or ".") in locked))):
            yield name


class Collector:
    """Reads dependency files one after another into `out`; see `collect`."""

    def __init__(
        self,
        root: Path,
        interpreter: Interpreter,
        export_lock: Callable[[Path, str | None], str] | None,
        *,
        project: str = ".",
    ) -> None:
        self.root = root
        self.export_lock = export_lock
        self.tree = Tree(root)
        self.project = relative("", project)
        self.own = OwnPackages(self.tree, self.project)
        self.locked, self.for_pip = False, True
        self.environment = {
            **{key: str(value) for key, value in default_environment().items()},
            "python_version": interpreter.minor,
            "python_full_version": interpreter.full,
            "extra": "",
        }
        self.entries = Entries()
        self.unnamed: list[str] = []
        self.seen: set[tuple[str, bool]] = set()
        self.out = Requirements()

    def result(self) -> Requirements:
        """Return what was collected, sorted, so that the order of the files does not matter."""
        self.out.lines = self.entries.lines() + sorted(self.unnamed)
        self.out.constraints += self.entries.bounds
        elsewhere = self.entries.with_address()
        self.out.sourced = sorted(sources.names(self.tree)) if self.out.local else []
        self.out.own = sorted(self.own.by_name.keys() - elsewhere)
        return self.out

    def read(self, name: str, *, constraint: bool = False) -> None:
        """Read one file, given relative to the root, in the format that its name says."""
        path = self.inside(name, "the configuration")
        if (str(path), constraint) in self.seen:
            return
        self.seen.add((str(path), constraint))
        before = self.locked, self.for_pip
        self.locked = path.suffix == ".lock" or path.name == "pylock.toml"
        self.out.locked |= self.locked
        self.for_pip = not self.locked and path.name not in lockfiles.READERS
        self.content(path, name, constraint=constraint)
        self.locked, self.for_pip = before

    def content(self, path: Path, name: str, *, constraint: bool) -> None:
        """Read what is in a file, in the format that its name says."""
        folder = PurePosixPath(path.relative_to(self.root).parent)
        if path.name == "uv.lock":
            if self.export_lock is None:
                raise InvalidRequirement(f"{name} cannot be read here.", "Name a requirements file instead.")
            self.text(self.export_lock(path.parent, self.locked_member(folder)), name, folder)
            self.locked_indexes(path, name, folder)
        elif path.name == "pyproject.toml":
            self.pyproject(path, name, folder)
        elif path.name in {"setup.py", "setup.cfg"}:
            self.setup(name, folder)
        elif path.name in lockfiles.READERS:
            for line in lockfiles.read(path, name, self.environment):
                self.line(line, name, folder)
            self.locked_indexes(path, name, folder)
        else:
            self.text(decoded(path, name), name, folder, constraint=constraint)

    def setup(self, name: str, folder: PurePosixPath) -> None:
        """Read what a setup.py lists; if only running it would tell, install its folder."""
        listed = list(own_packages.dependencies(self.tree, relative("", str(folder)), ()))
        for origin, line in listed:
            self.line(line, origin, folder)
        if not listed:
            self.install(relative("", str(folder)), (), editable=True)

    def locked_indexes(self, path: Path, name: str, folder: PurePosixPath) -> None:
        """Note what a lock file, or a Pipfile, says about the index of each package; PDM's says nothing."""
        for package, url in indexes.locked(path, indexes.content(path)):
            self.pin(package, url, name, folder)
        if path.name == "pdm.lock":
            self.declared(relative("", str(folder)), name, every=True)

    def locked_member(self, folder: PurePosixPath) -> str | None:
        """Return the name of the workspace's package that the project lies in; None: the package beside the lock."""
        for place in (self.project, *map(str, PurePosixPath(self.project).parents)):
            workspace = workspaces.of(self.tree, relative("", place))
            if workspace and workspace.folder == relative("", str(folder)):
                package = self.own.in_folder(relative("", place))
                return package.name if package and package.folder != workspace.folder else None
        return None

    def pyproject(self, path: Path, name: str, folder: PurePosixPath) -> None:
        """Read the dependencies of a pyproject.toml, each from the source that the file or its workspace names."""
        told = sources.of(self.tree, relative("", str(folder)))
        named = self.declared(told.root, name, every=True) | self.declared(told.folder, name, every=True)
        for dependency in lockfiles.read(path, name, self.environment):
            self.pinned(dependency, told, named, name, folder)
            for line in told.lines(dependency, self.own, self.environment):
                self.line(line, name, folder)
        for package, url in indexes.locked(path, toml(self.tree, name)):
            self.pin(package, url, name, folder)
        for line in told.overrides:
            override = parsed(line, name)
            if override and canonicalize_name(override.name) not in self.own.by_name:
                self.out.overrides.append(line)
        for line in told.constraints:
            self.line(line, name, folder, constraint=True)

    def pinned(
        self, dependency: str, told: Sources, named: Mapping[str, str], origin: str, folder: PurePosixPath
    ) -> bool:
        """Note the index that a dependency's source names, and say whether there is one."""
        index = told.index(dependency, self.environment)
        if index is None:
            return False
        if index not in named:
            raise InvalidRequirement(
                f"{origin}: {dependency} comes from the index {index!r}, which no [[tool.uv.index]] declares.",
                "Declare the index with its url, or correct its name.",
            )
        self.pin(Requirement(dependency).name, named[index], origin, folder)
        return True

    def text(self, text: str, name: str, folder: PurePosixPath, *, constraint: bool = False) -> None:
        """Read the lines of a requirements file."""
        for number, line in logical_lines(text):
            self.line(line, f"{name}:{number}", folder, constraint=constraint)

    def line(self, line: str, origin: str, folder: PurePosixPath, *, constraint: bool = False) -> None:
        """Read one line: an option, a path, a URL or a requirement."""
        line = in_repository(line)
        if has_variables(line):
            remedy = "Write the value itself; only a token before the host of an address can be a variable."
            raise bad_line(origin, line, "variables are not filled in", remedy)
        if "\0" in line:
            raise bad_line(origin, line, "a line cannot hold a null byte", "Remove the byte.")
        if match := _INCLUDE.fullmatch(line):
            self.include(match[1], origin, folder, constraint=constraint)
        elif match := _CONSTRAINT.fullmatch(line):
            self.include(match[1], origin, folder, constraint=True)
        elif match := _EDITABLE.fullmatch(line):
            self.requirement(match[1].strip("\"' "), origin, folder, constraint=False, editable=True)
        elif match := _DROPPED.match(line):
            self.out.warnings.append(
                f"{origin}: {match[1]} was left out; the platform chooses how packages are installed."
            )
        elif match := _INDEX.fullmatch(line):
            self.index(match[1].strip(" =\t"), match[2].strip("\"'"), origin, folder)
        elif line.startswith("-"):
            raise bad_line(origin, line, "this option is unknown", "Remove the option.")
        else:
            self.requirement(line, origin, folder, constraint=constraint)

    def index(self, option: str, target: str, origin: str, folder: PurePosixPath) -> None:
        """Note the index that an option of pip names."""
        if option in ("-f", "--find-links"):
            self.links(target, origin, folder)
        else:
            self.out.indexes.lenient = True
            self.out.indexes.ask(target, origin, instead=option in ("-i", "--index-url"))

    def links(self, target: str, origin: str, folder: PurePosixPath) -> None:
        """Note a page or a folder with files of packages."""
        if "://" in target and not target.startswith("file:"):
            check_url(target, origin)
        else:
            path = self.place(target.removeprefix("file:").removeprefix("//"), folder)
            if path is None:
                raise bad_line(origin, target, "this path is not in the repository", "Name a folder of the repository.")
            target = str(path.relative_to(self.root))
        if target not in self.out.indexes.links:
            self.out.indexes.links.append(target)

    def declared(self, place: str, origin: str, *, every: bool) -> dict[str, str]:
        """Note the indexes that a pyproject.toml declares for all packages, and return all that have a name.

        Args:
            every: only those with a name are wanted otherwise, because a lock says what comes from where.
        """
        named = {}
        for name, url, kind in indexes.declared(toml(self.tree, joined(place, "pyproject.toml"))):
            named[name] = url
            if not every or kind == "explicit":
                continue
            if kind == "links" or "://" not in url:
                self.links(url, origin, PurePosixPath(place))
            else:
                self.out.indexes.ask(url, origin, instead=kind == "instead")
        return named

    def pin(self, package: str, url: str, origin: str, folder: PurePosixPath) -> None:
        """Note that a package comes from one index alone, which may be a folder of the repository."""
        if "://" in url:
            self.out.indexes.pin(package, url, origin)
        else:
            self.links(url, origin, folder)

    def include(self, target: str, origin: str, folder: PurePosixPath, *, constraint: bool) -> None:
        """Follow `-r` or `-c`, whose path is relative to the file that has it."""
        name = target.strip("\"' ")
        if "://" in name:
            raise bad_line(origin, target, "a file elsewhere is not read", "Put the included file into the repository.")
        self.inside(str(folder / name), origin)
        self.read(str(folder / name), constraint=constraint)

    def inside(self, name: str, origin: str) -> Path:
        """Return the path of a file, or raise InvalidRequirement if it is not a file of the checkout."""
        path = (self.root / name).resolve()
        if not path.is_relative_to(self.root):
            raise InvalidRequirement(f"{origin} names {name}, which lies outside the repository.", "Name a file in it.")
        if not path.is_file():
            raise InvalidRequirement(f"{origin} names {name}, which is not there.", "Correct the name or add the file.")
        return path

    def requirement(
        self, line: str, origin: str, folder: PurePosixPath, *, constraint: bool, editable: bool = False
    ) -> None:
        """Read a line that names one package."""
        body, options = line, ""
        if match := _LINE_OPTION.search(line):
            body, options = line[: match.start()].rstrip(), match[1]
            if any(not word.startswith("--hash") for word in shlex.split(options)):
                self.out.warnings.append(f"{origin}: build options were left out.")
                options = ""
        if any(is_path(body, self.root / base) for base in self.bases(folder)):
            self.local(body, origin, folder, editable=editable)
            return
        name = left_by_conda(body, origin)
        if name:
            self.out.warnings.append(
                f"{origin}: conda wrote where it built {name}; the package of that name was taken from the index."
            )
        requirement = parsed(name or body, origin)
        if requirement is None:
            self.unnamed.append(body)
        elif requirement.marker is None or requirement.marker.evaluate(self.environment):
            requirement.marker = None
            if constraint:
                self.out.constraints.append(str(requirement))
            elif not self.own_package(requirement, origin, folder):
                self.entries.add(Entry(requirement, options, origin))

    def local(self, body: str, origin: str, folder: PurePosixPath, *, editable: bool) -> None:
        """Note a path in the checkout for installation; the project's own folder is read if it lists dependencies."""
        body, _, marker = body.partition(" ;")
        try:
            if marker and not Marker(marker.strip()).evaluate(self.environment):
                return
        except InvalidMarker:
            raise bad_line(origin, body, "its marker is none", "Correct what follows the semicolon.") from None
        name, _, more = body.strip().partition("[")
        path = self.place(name.removeprefix("file://"), folder)
        if path is None:
            raise bad_line(origin, body, "this path is not in the repository", "Name a folder of the repository.")
        place = relative("", str(path.relative_to(self.root)))
        extras = tuple(sorted(part.strip() for part in more.partition("]")[0].split(",") if part.strip()))
        self.folder(place, extras, origin, editable=editable)

    def place(self, name: str, folder: PurePosixPath) -> Path | None:
        """Return the file or folder of the checkout that a path means; of several, the first that can be installed."""
        paths = [(self.root / base / name).resolve() for base in self.bases(folder)]
        there = [path for path in paths if path.is_relative_to(self.root) and path.exists()]
        builds = (path for path in there if path.is_file() or any((path / file).exists() for file in _BUILD_FILES))
        return next(builds, there[0] if there else None)

    def bases(self, folder: PurePosixPath) -> list[PurePosixPath]:
        """Return the folders that a relative path may start from: the file's, and those in which pip may be called."""
        project = PurePosixPath(self.project)
        return list(dict.fromkeys([folder, project, *project.parents])) if self.for_pip else [folder]

    def folder(self, place: str, extras: tuple[str, ...], origin: str, *, editable: bool) -> None:
        """Note a folder for installation; of the project's own, read what it lists instead, if it does."""
        project = self.root / place / "pyproject.toml"
        if self.holds_project(place) and lockfiles.is_static(project):
            self.read(str(PurePosixPath(place, "pyproject.toml")))
            for line in lockfiles.extra_dependencies(toml(self.tree, joined(place, "pyproject.toml")), extras):
                self.line(line, origin, PurePosixPath(place))
            return
        self.install(place, extras, editable=editable)

    def install(self, place: str, extras: tuple[str, ...], *, editable: bool) -> None:
        """Note a folder or a file for installation, and what it takes from the repository."""
        package = self.own.in_folder(place)
        found = LocalPackage(place or ".", package.name if package else "", extras, editable)
        same = next((one for one in self.out.local if one.path == found.path), None)
        if same:
            both = tuple(sorted({*same.extras, *extras}))
            self.out.local.remove(same)
            found = dataclasses.replace(found, extras=both, editable=same.editable or editable)
        self.out.local.append(found)
        if (same is None or same.extras != found.extras) and not self.locked:
            self.needs(place, found.extras)

    def holds_project(self, place: str) -> bool:
        """Say whether the Django project lies in a folder."""
        return f"{self.project}/".startswith(f"{place}/" if place else "")

    def needs(self, place: str, extras: tuple[str, ...]) -> None:
        """Follow what a package of the repository takes from the repository, or from a source that it names."""
        told, listed = sources.of(self.tree, place), own_packages.dependencies(self.tree, place, extras)
        declared = {**self.declared(told.root, "", every=False), **self.declared(place, "", every=False)}
        for name, dependency in listed:
            if self.pinned(dependency, told, declared, name, PurePosixPath(place)):
                self.line(dependency, name, PurePosixPath(place))
            for line in told.lines(dependency, self.own, self.environment):
                named = None if line.startswith(("-", ".")) else parsed(line, name)
                if named is None or named.url or canonicalize_name(named.name) in self.own.by_name:
                    self.line(line, name, PurePosixPath(place))

    def own_package(self, requirement: Requirement, origin: str, folder: PurePosixPath) -> bool:
        """Note the package of the repository that a requirement names, and say whether there is one."""
        package = None if requirement.url else self.own.named(requirement, origin)
        if package is None:
            return False
        if not self.holds_project(package.folder):
            self.out.warnings.append(
                f"{origin}: {requirement.name} is the folder {package.folder} of the repository; "
                "it was not taken from the package index."
            )
        elif requirement.specifier and not requirement.extras:
            self.out.warnings.append(f"{origin}: {requirement.name} is the project itself; it was not installed again.")
            return True
        elif not requirement.extras and self.holds_project(relative("", str(folder))):
            raise InvalidRequirement(
                f"{origin} asks for {requirement.name}, which is the name of the project itself.",
                f"Rename the project in {joined(package.folder, 'pyproject.toml')}: a name that the repository defines "
                "is never taken from the package index.",
            )
        self.folder(package.folder, tuple(sorted(requirement.extras)), origin, editable=False)
        return True
