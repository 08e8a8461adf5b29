"""The named requirements of a project, one per package: what several lines say of it holds together."""

from dataclasses import dataclass

from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name

from dz.errors import InvalidRequirement


@dataclass(frozen=True)
class Entry:
    """What a line asks for.

    Args:
        options: hashes that follow it.
        origin: the file and line, for errors.
    """

    requirement: Requirement
    options: str
    origin: str


class Entries:
    """Requirements by package.

    `bounds` are those of packages that come from an address, which cannot have a version beside it.
    """

    def __init__(self) -> None:
        self._by_name: dict[str, Entry] = {}
        self.bounds: list[str] = []

    def lines(self) -> list[str]:
        """Return a requirement line for each package, sorted by name."""
        return [f"{entry.requirement} {entry.options}".strip() for _, entry in sorted(self._by_name.items())]

    def with_address(self) -> set[str]:
        """Return the packages that come from an address."""
        return {name for name, entry in self._by_name.items() if entry.requirement.url}

    def add(self, entry: Entry) -> None:
        """Keep a requirement.

        Raises:
            InvalidRequirement: no version can meet it and one that was added before.
        """
        name = canonicalize_name(entry.requirement.name)
        other = self._by_name.setdefault(name, entry)
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
            self.bounds.append(f"{both.name}{both.specifier}")
            both.specifier = SpecifierSet()
        hashes = " ".join(dict.fromkeys(filter(None, (other.options, entry.options))))
        origin = entry.origin if entry.requirement.specifier else other.origin
        self._by_name[name] = Entry(both, hashes, origin)


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
