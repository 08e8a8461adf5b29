"""Collects what a project needs into flat requirement lines, without running any of the project.

Options that choose where packages come from (`-i`, `--extra-index-url`, `-f`, `--trusted-host`) are dropped with a
warning: the operator chooses the index, so that nobody can slip in a package of the same name. `${VAR}` is refused but
for a token in an address (`addresses.py`).
"""

import re
import shlex
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from packaging.markers import default_environment
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name

from dz.adapters.interpreters import Interpreter
from dz.errors import InvalidRequirement
from dz.tasklib.configuration.plan import Plan
from dz.tasklib.virtualenvs import lockfiles
from dz.tasklib.virtualenvs.addresses import without_credentials
from dz.tasklib.virtualenvs.lines import bad_line, decoded, has_variables, is_path, left_by_conda, logical_lines, parsed

_INCLUDE = re.compile(r"(?:-r|--requirement)(?:\s*=?\s*)(.+)")
_CONSTRAINT = re.compile(r"(?:-c|--constraint)(?:\s*=?\s*)(.+)")
_EDITABLE = re.compile(r"(?:-e|--editable)(?:\s*=?\s*)(.+)")
_DROPPED = re.compile(
    r"(-i|-f|--index-url|--extra-index-url|--find-links|--trusted-host|--no-index|--pre|--prefer-binary|--no-binary"
    r"|--only-binary|--require-hashes|--use-feature|--process-dependency-links)(?=[\s=]|$)"
)
_OWN_INDEX = re.compile(r"(-i|--index-url)[\s=]+https://pypi\.(python\.)?org/simple/?$")
_LINE_OPTION = re.compile(r"\s(--(?:hash|config-settings|global-option|install-option)\b.*)$")


@dataclass
class Requirements:
    """What is installed into a virtualenv.

    Args:
        lines: requirement lines, one per package, without markers.
        constraints: version bounds of packages that others may need.
        local: folders of the checkout that are installed as packages, relative to its root.
        warnings: what was changed or left out, for the owner.
    """

    lines: list[str] = field(default_factory=list)
    constraints: list[str] = field(default_factory=list)
    local: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)


def write(found: Requirements, folder: Path, copies: Sequence[str] = ()) -> Path:
    """Write the requirements file for an installer into `folder`, and return its path.

    Args:
        copies: folders that are installed as packages, in place of `found.local`.
    """
    lines = [*map(without_credentials, found.lines), *copies]
    if found.constraints:
        (folder / "constraints.txt").write_text("".join(f"{line}\n" for line in found.constraints), "utf-8")
        lines.insert(0, "-c constraints.txt")
    path = folder / "requirements.txt"
    path.write_text("".join(f"{line}\n" for line in lines), "utf-8")
    return path


@dataclass(frozen=True)
class _Entry:
    requirement: Requirement
    options: str
    origin: str


def collect(
    plan: Plan, root: Path, *, interpreter: Interpreter, export_lock: Callable[[Path], str] | None = None
) -> Requirements:
    """Return the requirement lines of a plan for one interpreter.

    Args:
        root: the checkout's root; no file outside it is read.
        export_lock: returns the requirement lines of the uv.lock in a folder.

    Raises:
        InvalidRequirement: a line cannot be used, or a package is listed twice with different versions.
    """
    collector = _Collector(root.resolve(), interpreter, export_lock)
    for name in _without_shadowed(plan.dependency_files):
        collector.read(name)
    for number, line in enumerate(plan.extra_requirements, 1):
        collector.line(line.strip(), f"extra_requirements:{number}", PurePosixPath())
    return collector.result()


def _merged(one: Requirement, other: Requirement) -> Requirement | None:
    """Return the requirement that both make together, as pip reads them; None if an exact version contradicts."""
    if one.url and other.url and one.url != other.url:
        return None
    both = Requirement(str(one))
    both.extras |= other.extras
    both.url = one.url or other.url
    both.specifier = one.specifier & other.specifier
    exact = [spec.version for spec in both.specifier if spec.operator == "==" and "*" not in spec.version]
    return both if all(both.specifier.contains(version, prereleases=True) for version in exact) else None


def _without_shadowed(files: tuple[str, ...]) -> Iterator[str]:
    """Yield the files, except those that a lock file beside them supersedes."""
    locked = {str(PurePosixPath(name).parent) for name in files if name.endswith(".lock")}
    for name in files:
        loose = PurePosixPath(name).name in {"pyproject.toml", "Pipfile", "setup.py", "setup.cfg"}
        if not (loose and str(PurePosixPath(name).parent) in locked):
            yield name


class _Collector:
    def __init__(self, root: Path, interpreter: Interpreter, export_lock: Callable[[Path], str] | None) -> None:
        self.root = root
        self.export_lock = export_lock
        self.environment = {
            **{key: str(value) for key, value in default_environment().items()},
            "python_version": interpreter.minor,
            "python_full_version": interpreter.full,
            "extra": "",
        }
        self.entries: dict[str, _Entry] = {}
        self.unnamed: list[str] = []
        self.seen: set[tuple[str, bool]] = set()
        self.out = Requirements()

    def result(self) -> Requirements:
        """Return what was collected, sorted, so that the order of the files does not matter."""
        named = [_text(self.entries[name]) for name in sorted(self.entries)]
        self.out.lines = named + sorted(self.unnamed)
        return self.out

    def read(self, name: str, *, constraint: bool = False) -> None:
        """Read one file, given relative to the root, in the format that its name says."""
        path = self.inside(name, "the configuration")
        if (str(path), constraint) in self.seen:
            return
        self.seen.add((str(path), constraint))
        folder = PurePosixPath(path.relative_to(self.root).parent)
        if path.name == "uv.lock":
            if self.export_lock is None:
                raise InvalidRequirement(f"{name} cannot be read here.", "Name a requirements file instead.")
            self.text(self.export_lock(path.parent), name, folder)
        elif path.name in lockfiles.READERS:
            for line in lockfiles.read(path, name, self.environment):
                self.line(line, name, folder)
        else:
            self.text(decoded(path, name), name, folder, constraint=constraint)

    def text(self, text: str, name: str, folder: PurePosixPath, *, constraint: bool = False) -> None:
        """Read the lines of a requirements file."""
        for number, line in logical_lines(text):
            self.line(line, f"{name}:{number}", folder, constraint=constraint)

    def line(self, line: str, origin: str, folder: PurePosixPath, *, constraint: bool = False) -> None:
        """Read one line: an option, a path, a URL or a requirement."""
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
            self.line(match[1].strip("\"' "), origin, folder)
        elif match := _DROPPED.match(line):
            if not _OWN_INDEX.fullmatch(line):
                self.out.warnings.append(
                    f"{origin}: {match[1]} was left out; the operator chooses where packages come from."
                )
        elif line.startswith("-"):
            raise bad_line(origin, line, "this option is unknown", "Remove the option.")
        else:
            self.requirement(line, origin, folder, constraint=constraint)

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

    def requirement(self, line: str, origin: str, folder: PurePosixPath, *, constraint: bool) -> None:
        """Read a line that names one package."""
        body, options = line, ""
        if match := _LINE_OPTION.search(line):
            body, options = line[: match.start()].rstrip(), match[1]
            if any(not word.startswith("--hash") for word in shlex.split(options)):
                self.out.warnings.append(f"{origin}: build options were left out.")
                options = ""
        if is_path(body, self.root / folder):
            self.local(body, origin, folder)
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
            else:
                self.add(_Entry(requirement, options, origin))

    def add(self, entry: _Entry) -> None:
        """Keep a requirement; several of one package hold together, unless no version can meet them all."""
        name = canonicalize_name(entry.requirement.name)
        other = self.entries.setdefault(name, entry)
        if other is entry:
            return
        both = _merged(other.requirement, entry.requirement)
        if both is None:
            raise InvalidRequirement(
                f"{name} is listed twice: {str(other.requirement)!r} in {other.origin} and "
                f"{str(entry.requirement)!r} in {entry.origin}.",
                "Keep one of the two lines.",
            )
        if both.url and both.specifier:
            self.out.constraints.append(f"{both.name}{both.specifier}")
            both.specifier = SpecifierSet()
        hashes = " ".join(dict.fromkeys(filter(None, (other.options, entry.options))))
        origin = entry.origin if entry.requirement.specifier else other.origin
        self.entries[name] = _Entry(both, hashes, origin)

    def local(self, body: str, origin: str, folder: PurePosixPath) -> None:
        """Note a path in the checkout for installation; if it is the root and lists its dependencies, read these."""
        name = body.split("[", 1)[0].removeprefix("file://")
        path = (self.root / folder / name).resolve()
        if not path.is_relative_to(self.root) or not path.exists():
            raise bad_line(origin, body, "this path is not in the repository", "Name a folder of the repository.")
        relative = str(path.relative_to(self.root))
        project = path / "pyproject.toml"
        if path == self.root and project.is_file() and lockfiles.is_static(project):
            self.read("pyproject.toml")
        elif relative not in self.out.local:
            self.out.local.append(relative)


def _text(entry: _Entry) -> str:
    return f"{entry.requirement} {entry.options}".strip()
