"""Package indexes that a project's own files name, and which packages come from which.

The operator's index is asked for everything that no file says otherwise about. PyPI under any of its names and mirrors is
that index: what a project means is PyPI, and the operator says where that is fetched from.
"""

import json
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from packaging.utils import canonicalize_name

from dz.errors import InvalidRequirement
from dz.tasklib.detection.documents import table
from dz.tasklib.virtualenvs.lines import check_url

_PYPI = """
    pypi.org pypi.python.org files.pythonhosted.org www.piwheels.org mirrors.aliyun.com pypi.tuna.tsinghua.edu.cn
    mirrors.tuna.tsinghua.edu.cn pypi.mirrors.ustc.edu.cn mirrors.ustc.edu.cn pypi.douban.com pypi.doubanio.com
    mirrors.cloud.tencent.com mirrors.tencentyun.com mirrors.163.com mirrors.huaweicloud.com repo.huaweicloud.com
    mirrors.bfsu.edu.cn mirror.sjtu.edu.cn mirror.nju.edu.cn mirrors.sustech.edu.cn pypi.hustunique.com
"""
"""Hosts of PyPI and of its public mirrors. Source: the help pages of the mirrors."""


def is_pypi(url: str) -> bool:
    """Say whether an index is PyPI, or one of its public mirrors."""
    try:
        return urlsplit(url).hostname in _PYPI.split()
    except ValueError:
        return False


@dataclass
class Indexes:
    """Where packages come from besides the operator's index.

    Args:
        pins: index by canonical name of a package that comes from it alone.
        before: indexes that are asked before the operator's.
        instead: the index that takes the place of the operator's; None: there is none.
        links: pages, or folders of the checkout relative to its root, that link to files of packages.
        lenient: a version that the first index with the package lacks may come from a later one, as pip has it.
    """

    pins: dict[str, str] = field(default_factory=dict)
    before: list[str] = field(default_factory=list)
    instead: str | None = None
    links: list[str] = field(default_factory=list)
    lenient: bool = False

    def pin(self, name: str, url: str, origin: str) -> None:
        """Note that a package comes from one index alone.

        Raises:
            InvalidRequirement: the address may not be asked, or another one was named for the package.
        """
        if is_pypi(url):
            return
        address, key = _checked(url, origin), canonicalize_name(name)
        if self.pins.setdefault(key, address) != address:
            raise InvalidRequirement(
                f"{origin}: {name} comes from two indexes, {self.pins[key]} and {address}.", "Name one of them."
            )

    def ask(self, url: str, origin: str, *, instead: bool = False) -> None:
        """Note an index for all packages, before the operator's or in its place.

        Raises:
            InvalidRequirement: the address may not be asked.
        """
        if is_pypi(url):
            return
        address = _checked(url, origin)
        if instead and self.instead in (None, address):
            self.instead = address
        elif address not in self.before:
            self.before.append(address)

    @property
    def addresses(self) -> list[str]:
        """All addresses that are asked."""
        pages = [link for link in self.links if "://" in link]
        return [*self.pins.values(), *self.before, *([self.instead] if self.instead else []), *pages]

    @property
    def key(self) -> list[str]:
        """What of it counts for the content of a virtualenv."""
        named = [f"{name}={url}" for name, url in sorted(self.pins.items())]
        return [*named, *self.before, str(self.instead), *self.links] if named or self.addresses or self.links else []


def _checked(url: str, origin: str) -> str:
    check_url(url, origin)
    return url.rstrip("/")


def declared(data: Mapping[str, Any]) -> Iterator[tuple[str, str, str]]:
    """Yield (name, address, kind) for the indexes that a pyproject.toml declares.

    The kind is `before`, `instead`, `explicit` (only for packages that name it) or `links`.
    Sources: docs.astral.sh/uv/concepts/indexes, python-poetry.org/docs/repositories, pdm-project.org/latest/usage/config.
    """
    uv, poetry, pdm = (table(table(data, "tool"), name) for name in ("uv", "poetry", "pdm"))
    for one in _tables(uv.get("index")):
        kind = "instead" if one.get("default") else "explicit" if one.get("explicit") else "before"
        yield str(one.get("name", "")), str(one.get("url", "")), "links" if one.get("format") == "flat" else kind
    for tool in (uv, table(uv, "pip")):
        yield from (("", str(url), "before") for url in _list(tool.get("extra-index-url")))
        yield from (("", str(url), "links") for url in _list(tool.get("find-links")))
        if tool.get("index-url"):
            yield "", str(tool["index-url"]), "instead"
    sources = _tables(poetry.get("source"))
    pypi = any(str(one.get("name", "")).lower() == "pypi" for one in sources)
    for one in sources:
        priority = one.get("priority", "secondary" if one.get("secondary") else "primary")
        kind = "explicit" if priority == "explicit" else "before"
        replaces = priority == "default" or bool(one.get("default")) or (priority == "primary" and not pypi)
        if one.get("url"):
            yield str(one.get("name", "")), str(one["url"]), "instead" if replaces else kind
    for one in _tables(pdm.get("source")):
        kind = "instead" if one.get("name") == "pypi" else "before"
        yield str(one.get("name", "")), str(one.get("url", "")), "links" if one.get("type") == "find_links" else kind


def locked(path: Path, data: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield (package, address of its index) as a lock file, a Pipfile or a pyproject.toml of Poetry says."""
    if path.name in {"Pipfile", "Pipfile.lock"}:
        yield from _of_pipenv(data)
    elif path.name == "pylock.toml":
        yield from ((one["name"], one["index"]) for one in _tables(data.get("packages")) if one.get("index"))
    elif path.name == "pyproject.toml":
        by_name = {name: url for name, url, _ in declared(data)}
        for name, spec in table(table(table(data, "tool"), "poetry"), "dependencies").items():
            for one in _tables(spec if isinstance(spec, list) else [spec]):
                if one.get("source") in by_name:
                    yield name, by_name[one["source"]]
    else:
        for one in _tables(data.get("package")):
            source = table(one, "source")
            url = source.get("registry") or (source.get("url") if source.get("type") == "legacy" else None)
            if url:
                yield str(one.get("name", "")), str(url)


def content(path: Path) -> Mapping[str, Any]:
    """Return the content of a lock file that has been read before."""
    text = path.read_text("utf-8")
    found = json.loads(text) if path.name == "Pipfile.lock" else tomllib.loads(text)
    return found if isinstance(found, dict) else {}


def _of_pipenv(data: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield the indexes of Pipenv's packages: those that they name, else the first source."""
    sources = _tables(data.get("source") or table(data, "_meta").get("sources"))
    by_name = {str(one.get("name")): str(one.get("url", "")) for one in sources}
    first = next(iter(by_name.values()), "")
    for name, spec in {**table(data, "packages"), **table(data, "default")}.items():
        told = spec if isinstance(spec, dict) else {}
        if {"git", "path", "file", "url"}.isdisjoint(told):
            url = by_name.get(str(told.get("index")), first)
            if url:
                yield name, url


def _tables(value: object) -> list[dict[str, Any]]:
    return [one for one in value if isinstance(one, dict)] if isinstance(value, list) else []


def _list(value: object) -> list[object]:
    return value if isinstance(value, list) else [value] if value else []
