"""Turns the dependency files of today's package managers into requirement lines, without running the managers."""

import json
import re
import tomllib
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from packaging.markers import InvalidMarker, Marker
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from dz.errors import InvalidRequirement
from dz.tasklib.configuration.constraints import specifier
from dz.tasklib.detection.dependencies import NOT_DEPLOYED

Environment = Mapping[str, str]


def read(path: Path, name: str, environment: Environment) -> list[str]:
    """Return the requirement lines of one file.

    Args:
        name: the file's name as shown to the owner.
        environment: the values of the variables in PEP 508 markers.

    Raises:
        InvalidRequirement: the file is not what its name says.
    """
    try:
        text = path.read_text("utf-8")
        data = json.loads(text) if path.name == "Pipfile.lock" else tomllib.loads(text)
        return list(READERS[path.name](data, path.parent, environment))
    except (ValueError, RecursionError) as error:
        raise InvalidRequirement(f"{name} cannot be read: {error}", "Correct the file, or lock again.") from None
    except (TypeError, KeyError, AttributeError) as error:
        raise InvalidRequirement(f"{name} has an unknown form: {error!r}", "Lock again with a current tool.") from None


def is_static(project: Path) -> bool:
    """Say whether a pyproject.toml lists the project's dependencies itself."""
    try:
        table = tomllib.loads(project.read_text("utf-8")).get("project", {})
    except (ValueError, OSError):
        return False
    return "dependencies" in table


def extra_dependencies(data: dict[str, Any], extras: Iterable[str]) -> Iterator[str]:
    """Yield what the extras of a pyproject.toml need, as `[project.optional-dependencies]` lists it."""
    listed = data.get("project", {}).get("optional-dependencies", {})
    by_name = {canonicalize_name(name): lines for name, lines in listed.items()} if isinstance(listed, dict) else {}
    for extra in extras:
        yield from (line for line in by_name.get(canonicalize_name(extra), []) if isinstance(line, str))


def _pyproject(data: dict[str, Any], folder: Path, environment: Environment) -> Iterator[str]:
    yield from dependencies(data)
    yield from _group_lines(data)
    for group in sorted(_groups(data) - {"main"}):
        for name, spec in data["tool"]["poetry"]["group"][group].get("dependencies", {}).items():
            yield from _loose(name, spec)


def _group_lines(data: dict[str, Any]) -> Iterator[str]:
    """Yield the lines of the standard's groups that uv installs by default; without other dependencies, of all for a deploy."""
    groups = {canonicalize_name(name): lines for name, lines in data.get("dependency-groups", {}).items()}
    wanted = data.get("tool", {}).get("uv", {}).get("default-groups", [])
    if wanted == "all" or not any(dependencies(data)):
        wanted = list(groups)
    waiting = [canonicalize_name(name) for name in wanted if not NOT_DEPLOYED.search(name)]
    for name in waiting:  # grows by the groups that these include
        for line in groups.get(name, []):
            if isinstance(line, str):
                yield line
            elif (included := canonicalize_name(line["include-group"])) not in waiting:
                waiting.append(included)


def dependencies(data: dict[str, Any]) -> Iterator[str]:
    """Yield the dependencies of the standard, which Poetry's table completes with sources, else those of the table."""
    listed = data.get("project", {}).get("dependencies", [])
    tool = data.get("tool", {}).get("poetry", {})
    own = {canonicalize_name(name): (name, spec) for name, spec in tool.get("dependencies", {}).items()}
    for line in listed:
        name = canonicalize_name(re.split(r"[^A-Za-z0-9._-]", line.strip(), maxsplit=1)[0])
        spec = own.get(name, ("", None))[1]
        if isinstance(spec, dict) and not {"git", "path", "url", "file"}.isdisjoint(spec):
            yield from _loose(name, {"extras": sorted(Requirement(line).extras), **spec})
        else:
            yield line
    if not listed:
        for name, spec in own.values():
            if name.lower() != "python":
                yield from _loose(name, spec)


def _groups(data: dict[str, Any]) -> set[str]:
    """Return Poetry's groups that a deploy installs: those that are neither optional nor named for work on the code."""
    groups = data.get("tool", {}).get("poetry", {}).get("group", {})
    wanted = (name for name, group in groups.items() if not group.get("optional") and not NOT_DEPLOYED.search(name))
    return {"main", *wanted}


def _pipfile(data: dict[str, Any], folder: Path, environment: Environment) -> Iterator[str]:
    for name, spec in data.get("packages", {}).items():
        yield from _loose(name, spec)


def _pipfile_lock(data: dict[str, Any], folder: Path, environment: Environment) -> Iterator[str]:
    for name, entry in data["default"].items():
        marker = f" ; {entry['markers']}" if entry.get("markers") else ""
        more = extras(entry)
        if "git" in entry:
            yield f"{name}{more} @ {git_address(entry['git'], entry.get('ref'), entry.get('subdirectory'))}{marker}"
        elif "path" in entry:
            yield f"{_path(entry['path'], editable=entry.get('editable'))}{more}{marker}"
        elif "file" in entry:
            yield f"{_at(name + more, entry['file'])}{marker}"
        else:
            yield f"{name}{more}{entry.get('version', '').replace('*', '')}{marker}"


def _pdm_lock(data: dict[str, Any], folder: Path, environment: Environment) -> Iterator[str]:
    for package in data.get("package", []):
        if "default" in package.get("groups", ["default"]):
            yield from _pinned(package, package.get("marker"))


def _poetry_lock(data: dict[str, Any], folder: Path, environment: Environment) -> Iterator[str]:
    """Read poetry.lock; if it does not mark development packages (before 2.0), follow dependencies from pyproject."""
    packages = data.get("package", [])
    project = folder / "pyproject.toml"
    groups = _groups(tomllib.loads(project.read_text("utf-8"))) if project.is_file() else {"main"}
    wanted: set[str] | None = None
    if not any("groups" in package or "category" in package for package in packages):
        wanted = _reachable(packages, folder, environment)
    for package in packages:
        name = canonicalize_name(package["name"])
        main = not groups.isdisjoint(package.get("groups", [package.get("category", "main")]))
        optional = package.get("optional") and "groups" not in package
        if (name in wanted) if wanted is not None else (main and not optional):
            marker = package.get("markers")
            if isinstance(marker, dict):  # by group
                marker = " or ".join(f"({marker[group]})" for group in sorted(groups & marker.keys()))
            yield from _pinned(package, marker)


def _reachable(packages: list[dict[str, Any]], folder: Path, environment: Environment) -> set[str]:
    by_name = {canonicalize_name(package["name"]): package for package in packages}
    project = folder / "pyproject.toml"
    data = tomllib.loads(project.read_text("utf-8")) if project.is_file() else {}
    listed = list(_pyproject(data, folder, environment)) if data else list(by_name)
    waiting = [re.split(r"[^A-Za-z0-9._-]", line.strip(), maxsplit=1)[0] for line in listed]
    found: set[str] = set()
    while waiting:
        name = canonicalize_name(waiting.pop())
        if name in found or name not in by_name:
            continue
        found.add(name)
        needs = by_name[name].get("dependencies", {})
        waiting += [need for need, spec in needs.items() if _applies(spec, environment)]
    return found


def _applies(spec: Any, environment: Environment) -> bool:
    """Say whether a dependency in a lock applies here; one whose marker cannot be evaluated does."""
    if isinstance(spec, list):
        return any(_applies(one, environment) for one in spec)
    if not isinstance(spec, dict) or not spec.get("markers") or "extra ==" in spec["markers"]:
        return True
    try:
        return Marker(spec["markers"]).evaluate(dict(environment))
    except InvalidMarker:
        return True


def _pinned(package: dict[str, Any], marker: str | None) -> Iterator[str]:
    source = package.get("source", {})
    end = f" ; {marker}" if marker else ""
    name, kind = package["name"] + extras(package), source.get("type")
    git = package.get("git") or (source.get("url") if kind == "git" else None)
    if git:
        ref = source.get("resolved_reference") or package.get("revision") or package.get("ref")
        yield f"{name} @ {git_address(git, ref, source.get('subdirectory') or package.get('subdirectory'))}{end}"
    elif kind in {"directory", "file"}:
        yield _path(source["url"], editable=package.get("develop")) + end
    elif kind == "url" or "url" in package:
        yield f"{name} @ {source.get('url') or package['url']}{end}"
    elif "path" in package:
        yield _path(package["path"], editable=package.get("editable")) + extras(package) + end
    else:
        yield f"{name}=={package['version']}{end}"


def _loose(name: str, spec: Any) -> Iterator[str]:
    """Read a dependency in the form in which people write it for Poetry and Pipenv."""
    if isinstance(spec, str):
        yield name + _versions(spec)
        return
    if isinstance(spec, list):
        for one in spec:
            yield from _loose(name, one)
        return
    if spec.get("optional"):
        return
    markers = [spec["markers"]] if spec.get("markers") else []
    if spec.get("python"):
        markers += [f"python_version {one}" for one in _marked(_versions(spec["python"]))]
    end = " ; " + " and ".join(markers) if markers else ""
    if "git" in spec:
        ref = spec.get("rev") or spec.get("tag") or spec.get("branch") or spec.get("ref")
        yield f"{name}{extras(spec)} @ {git_address(spec['git'], ref, spec.get('subdirectory'))}{end}"
    elif "path" in spec:
        place = "/".join(filter(None, [spec["path"], spec.get("subdirectory")]))
        yield f"{_path(place, editable=spec.get('develop') or spec.get('editable'))}{extras(spec)}{end}"
    elif "url" in spec or "file" in spec:
        yield f"{_at(name + extras(spec), spec.get('url') or spec['file'])}{end}"
    else:
        yield f"{name}{extras(spec)}{_versions(spec.get('version', '*'))}{end}"


def _path(path: str, *, editable: object) -> str:
    return ("-e " if editable else "") + (path if path.startswith(("./", "/")) else f"./{path}")


def _at(name: str, address: str) -> str:
    """Return the line for a package at an address, or at a path in the repository."""
    return f"{name} @ {address}" if "://" in address else _path(address, editable=False)


def _marked(versions: str) -> Iterator[str]:
    for part in filter(None, versions.split(",")):
        match = re.fullmatch(r"(\W+)(\d+(?:\.\d+)?).*", part)
        if match:
            yield f"{match[1]} '{match[2]}'"


def _versions(spec: str) -> str:
    """Return a PEP 440 specifier for Poetry's `^1.2`, `~1.2`, `1.2.*`, `1.2`, `*`; of alternatives, the last."""
    chosen = spec.rsplit("|", maxsplit=1)[-1]
    parts = [specifier(part) for part in re.split(r"[,\s]+(?=[^\s\d])|,", chosen) if part.strip()]
    return ",".join(part for part in parts if part)


def git_address(url: str, ref: str | None, subdirectory: str | None) -> str:
    """Return the address of a git repository as requirement lines write it, by https where it was by ssh."""
    address = re.sub(r"^(?:ssh://)?git@([^:/]+)[:/]", r"https://\1/", url.removeprefix("git+"))
    return f"git+{address}" + (f"@{ref}" if ref else "") + (f"#subdirectory={subdirectory}" if subdirectory else "")


def extras(entry: dict[str, Any]) -> str:
    """Return the extras of an entry as requirement lines write them."""
    listed = entry.get("extras")
    return f"[{','.join(listed)}]" if isinstance(listed, list) and listed else ""


def _pylock(data: dict[str, Any], folder: Path, environment: Environment) -> Iterator[str]:
    """Read the lock file of PEP 751, with its default groups and no extras."""
    here: dict[str, Any] = {
        **environment,
        "extras": frozenset(),
        "dependency_groups": frozenset(data.get("default-groups", [])),
    }
    for package in data["packages"]:
        if not package.get("marker") or Marker(package["marker"]).evaluate(here, context="lock_file"):
            yield _standard(package)


def _standard(package: dict[str, Any]) -> str:
    name = package["name"]
    if vcs := package.get("vcs"):
        if vcs["type"] != "git":
            raise ValueError(f"{name} comes from {vcs['type']}, and only git is there")
        return f"{name} @ {git_address(vcs['url'], vcs['commit-id'], vcs.get('subdirectory'))}"
    if place := package.get("directory"):
        path = "/".join(filter(None, [place["path"], place.get("subdirectory")]))
        return _path(path, editable=place.get("editable"))
    if archive := package.get("archive"):
        end = f"#subdirectory={archive['subdirectory']}" if archive.get("subdirectory") else ""
        return _at(name, archive.get("url") or archive["path"]) + end
    files = [*package.get("wheels", []), *filter(None, [package.get("sdist")])]
    hashes = sorted({f"--hash={kind}:{value}" for file in files for kind, value in file["hashes"].items()})
    return " ".join([f"{name}=={package['version']}", *hashes])


READERS: dict[str, Callable[[dict[str, Any], Path, Environment], Iterator[str]]] = {
    "pyproject.toml": _pyproject,
    "Pipfile": _pipfile,
    "Pipfile.lock": _pipfile_lock,
    "pdm.lock": _pdm_lock,
    "poetry.lock": _poetry_lock,
    "pylock.toml": _pylock,
}
