"""What is installed into a virtualenv, and the files that tell an installer so."""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from packaging.requirements import InvalidRequirement as BadRequirement
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from dz.adapters.installer import NOWHERE, Listing
from dz.tasklib.virtualenvs.addresses import hosts_in, without_credentials
from dz.tasklib.virtualenvs.indexes import Indexes
from dz.tasklib.virtualenvs.lines import without_hashes
from dz.tasklib.virtualenvs.local_packages import LocalPackage


@dataclass
class Requirements:
    """What is installed into a virtualenv.

    Args:
        lines: requirement lines, one per package, without markers.
        constraints: version bounds of packages that others may need.
        local: folders of the checkout that are installed as packages.
        warnings: what was changed or left out, for the owner.
        overrides: lines that replace whatever other packages ask for.
        indexes: package indexes of the project's own.
        sourced: names whose sources in packages of the repository were followed here already.
        own: names that the repository defines; those that are not in `local` come from nowhere.
        locked: a lock file says which versions are installed.
        as_of: no version that was uploaded later is installed, in the form of RFC 3339; "": the newest are.
        undated: packages for which that does not hold.
    """

    lines: list[str] = field(default_factory=list)
    constraints: list[str] = field(default_factory=list)
    local: list[LocalPackage] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    overrides: list[str] = field(default_factory=list)
    indexes: Indexes = field(default_factory=Indexes)
    sourced: list[str] = field(default_factory=list)
    own: list[str] = field(default_factory=list)
    locked: bool = False
    as_of: str = ""
    undated: tuple[str, ...] = ()

    @property
    def needs_checkout(self) -> bool:
        """Whether files of the checkout are installed."""
        return bool(self.local) or any("://" not in link for link in self.indexes.links)


def pinned(lines: Iterable[str]) -> set[str]:
    """Return the canonical names of the packages that lines ask for in one version, or from an address."""
    found: set[str] = set()
    for line in lines:
        try:
            asked = Requirement(without_hashes(line))
        except BadRequirement:
            continue
        exact = any(
            one.operator == "===" or (one.operator == "==" and "*" not in one.version) for one in asked.specifier
        )
        if asked.url or exact:
            found.add(canonicalize_name(asked.name))
    return found


def write(found: Requirements, folder: Path, copies: Sequence[str] = (), *, source: Path | None = None) -> Listing:
    """Write the files that tell an installer what to install into `folder`.

    Args:
        copies: the lines of the packages in `found.local`.
        source: the folder that the copies lie in.
    """
    lines = [*map(without_credentials, found.lines), *copies]
    if found.constraints:
        _write(folder / "constraints.txt", [*map(without_credentials, found.constraints)])
        lines.insert(0, "-c constraints.txt")
    installed = {package.name for package in found.local}
    overrides = [
        *map(without_credentials, found.overrides),
        *(f"{name} @ {NOWHERE}{name}" for name in found.own if name not in installed),
    ]
    return Listing(
        _write(folder / "requirements.txt", lines),
        overrides=_write(folder / "overrides.txt", overrides) if overrides else None,
        pins=_pins(found, folder / "pins"),
        before=tuple(map(without_credentials, found.indexes.before)),
        instead=without_credentials(found.indexes.instead) if found.indexes.instead else None,
        links=tuple(link if "://" in link else str(folder / (source or "") / link) for link in found.indexes.links),
        lenient=found.indexes.lenient,
        sourced=tuple(name for name in found.sourced if name not in found.indexes.pins),
        addresses=tuple(map(without_credentials, found.indexes.addresses)),
        hosts=tuple(hosts_in([*found.lines, *found.constraints, *found.overrides, *found.indexes.addresses])),
        source=source,
        folders=tuple(package.path for package in found.local),
        as_of=found.as_of or None,
        undated=found.undated,
    )


def _pins(found: Requirements, folder: Path) -> Path | None:
    """Write a pyproject.toml that says from which index packages come, in the only form in which uv takes it."""
    bodies = [without_hashes(line) for line in found.lines if " @ " not in line]
    listed: dict[str, str] = {canonicalize_name(Requirement(body).name): body for body in bodies if "://" not in body}
    pins = {name: without_credentials(url) for name, url in found.indexes.pins.items() if name in listed}
    if not pins:
        return None
    names = {url: f"index-{number}" for number, url in enumerate(sorted(set(pins.values())))}
    lines = ['[project]\nname = "pins"\nversion = "0"']
    lines.append(f"dependencies = {json.dumps([listed[name] for name in pins])}\n[tool.uv.sources]")
    lines += [f'"{name}" = {{ index = "{names[url]}" }}' for name, url in pins.items()]
    for url, name in names.items():
        lines += ["[[tool.uv.index]]", f'name = "{name}"', f"url = {json.dumps(url)}", "explicit = true"]
    folder.mkdir()
    return _write(folder / "pyproject.toml", lines)


def _write(path: Path, lines: Sequence[str]) -> Path:
    path.write_text("".join(f"{line}\n" for line in lines), "utf-8")
    return path
