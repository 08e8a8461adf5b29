"""Makes a project's virtualenv and keeps it under a key of its content."""

import contextlib
import datetime as dt
import hashlib
import json
import platform
import re
import tempfile
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from packaging.utils import canonicalize_name

from dz.adapters import files, trees, users
from dz.adapters.installer import Installer, Listing
from dz.adapters.interpreters import Interpreter
from dz.adapters.sandbox import Sandbox
from dz.adapters.users import owned
from dz.errors import DependencyBuildFailed, WrongPlatform
from dz.tasklib.bundles import layers
from dz.tasklib.checkouts.checkouts import Checkout
from dz.tasklib.configuration.plan import Plan
from dz.tasklib.virtualenvs import addresses, collection, editable, local_packages, requirements, substitutions
from dz.tasklib.virtualenvs.requirements import Requirements, pinned
from dz.tasklib.virtualenvs.wheels import PackageCache

CREATION_SECONDS = 3600
"""How long a build waits for another one of its project, which may run several commands of an installer."""
_NEW = dt.timedelta(days=1)
"""Age of a commit before which the newest versions are as good as those of its date."""


@dataclass(frozen=True)
class Virtualenv:
    """A finished virtualenv.

    Args:
        path: its folder.
        key: identifies its content: project, requirements, interpreter, platform.
        python: the interpreter that it was made with.
        lines: the requirement lines that were installed.
        warnings: what was changed in the requirements, for the owner.
        reused: it existed already.
        import_folders: folders of the checkout, relative to its root, whose modules are imported as installed ones.
        locked: a lock file named the versions.
        as_of: no version is newer, in the form of RFC 3339, but of `undated` packages; "": they are the newest.
        dated: the sentence that tells the owner so.
    """

    path: Path
    key: str
    python: Interpreter
    lines: tuple[str, ...]
    warnings: tuple[str, ...] = ()
    reused: bool = False
    import_folders: tuple[str, ...] = ()
    locked: bool = False
    as_of: str = ""
    undated: tuple[str, ...] = ()
    dated: tuple[str, ...] = ()

    @property
    def program(self) -> Path:
        """The virtualenv's own interpreter."""
        return self.path / "bin" / "python"

    def completed(self, plan: Plan) -> Plan:
        """Return a plan whose path has the import folders, too, after those of the project."""
        return replace(plan, additional_python_path_dirs=(*plan.additional_python_path_dirs, *self.import_folders))


class NewestFails(DependencyBuildFailed):
    """The newest version of a package does not build, and neither a lock file nor a pin asks for it.

    Args:
        key: of the virtualenv that cannot be made.
        why: the same in a sentence without its full stop.
    """

    def __init__(self, found: str, remedy: str, key: str = "", why: str = "") -> None:
        super().__init__(found, remedy)
        self.key, self.why = key, why


def may_be_dated(checkout: Checkout) -> bool:
    """Say whether versions of a commit's date can be others than the newest ones."""
    return checkout.date is not None and dt.datetime.now(dt.UTC) - checkout.date > _NEW


def platform_name() -> str:
    """Return what a wheel must fit besides the Python version: system, machine, C library."""
    return "-".join((platform.system(), platform.machine(), *platform.libc_ver())).lower()


def virtualenv_key(sysid: str, found: Requirements, interpreter: Interpreter, digests: Sequence[str] = ()) -> str:
    """Return a digest of a virtualenv's content.

    Args:
        digests: of the folders of the checkout that are installed, in the order of `found.local`.
    """
    parts = [sysid, *found.lines, "--constraints", *found.constraints, "--local", *map(repr, found.local), *digests]
    parts += ["--overrides", *found.overrides, "--own", *found.own]
    parts += ["--indexes", *found.indexes.key] if found.indexes.key else []
    parts += ["--as-of", found.as_of, *found.undated] if found.as_of else []
    parts += [interpreter.full, str(interpreter.path.resolve()), platform_name()]
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()


def create(
    plan: Plan,
    checkout: Checkout,
    *,
    folder: Path,
    interpreter: Interpreter,
    installer: Installer,
    sandbox: Sandbox,
    packages: PackageCache | None = None,
    cache: Path | None = None,
    variables: Mapping[str, str] | None = None,
    hosts: Collection[str] = (),
    bytecode: bool = True,
    on_line: Callable[[str], None] | None = None,
    as_of: str = "",
    fails: Mapping[str, str] | None = None,
) -> Virtualenv:
    """Return a plan's virtualenv, making it if it is missing; it appears in `folder` whole or not at all.

    Args:
        folder: where the project's virtualenvs lie; it is ours, so that the project cannot replace them.
        packages: the cache that projects share; if it cannot do the job, the sandbox's user installs.
        cache: the installer's cache, a folder of the sandbox's user; default: one in `folder`.
        variables: the project's, among them the tokens of private packages.
        hosts: the operator's list of sources, see `addresses.check`.
        bytecode: compile what is installed.
        on_line: called with each line of the installer's output.
        as_of: install no version that was uploaded later, in the form of RFC 3339; "": the newest.
        fails: the keys of virtualenvs that are known to fail with NewestFails, and why.

    Raises:
        NewestFails: see there; only if versions of the commit's date may do.
        InvalidRequirement: see `collection.collect` and `addresses`.
        MissingEnvironment: the token of a private package has no value.
        DependencyNotFound, DependencyBuildFailed, NoMatchingPython, WrongPlatform, ServiceUnavailable: see the installer.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with files.locked(folder / ".lock", seconds=CREATION_SECONDS):  # one creation at a time
        cached = cache or owned(folder / ".cache", sandbox.user)

        def export(project: Path, package: str | None) -> str:
            return installer.export_lock(
                project, package, root=checkout.path, interpreter=interpreter, sandbox=sandbox, cache=cached
            )

        def made(found: Requirements) -> Virtualenv:
            digests = [local_packages.digest(one, checkout.path, commit=checkout.commit) for one in found.local]
            key = virtualenv_key(checkout.sysid, found, interpreter, digests)
            whole = Virtualenv(
                folder / key,
                key,
                interpreter,
                tuple(found.lines),
                tuple(found.warnings),
                locked=found.locked,
                as_of=found.as_of,
                undated=found.undated,
            )
            if fails and key in fails:
                raise NewestFails(f"{fails[key]}.", "Choose a version that has a wheel.", key, fails[key])
            if layers.touch(whole.path):
                if not trees.is_ours(whole.path):  # made before virtualenvs were taken over
                    trees.take_over(whole.path)
                return replace(whole, reused=True)
            asked = [*found.lines, *found.constraints, *found.overrides, *found.indexes.addresses]
            passwords = addresses.netrc(asked, variables or {})
            addresses.check(asked, hosts)
            shared = packages if not passwords else None  # what a project alone may read is cached for it alone
            if shared and shared.install(
                found, whole.path, interpreter=interpreter, installer=installer, bytecode=bytecode, on_line=on_line
            ):
                return whole
            with _workspace(folder) as work:
                inside = owned(work / "env", sandbox.user)
                installer.make_virtualenv(inside, interpreter=interpreter, sandbox=sandbox, cache=cached)
                listing = _listing(found, checkout.path, work, sandbox.user)
                home = _home(passwords, work, sandbox.user) if passwords else None
                try:
                    installer.install(
                        listing,
                        inside,
                        interpreter=interpreter,
                        sandbox=sandbox,
                        cache=cached,
                        home=home,
                        bytecode=bytecode,
                        on_line=on_line,
                    )
                except DependencyBuildFailed as error:
                    raise _of_newest(error, found, checkout, key) from None
                trees.take_over(inside)
                inside.rename(whole.path)
            return whole

        listed = collection.collect(plan, checkout.path, interpreter=interpreter, export_lock=export)
        listed = replace(listed, as_of=as_of)
        done = _without_foreign(listed, folder / ".foreign.json", made, plan, interpreter)
        return replace(done, import_folders=editable.folders(done.path, listed.local, checkout.path))


def _without_foreign(
    listed: Requirements,
    record: Path,
    made: Callable[[Requirements], Virtualenv],
    plan: Plan,
    interpreter: Interpreter,
) -> Virtualenv:
    """Make a virtualenv without the listed packages that the installer finds to be for other operating systems only.

    Args:
        record: a file that keeps their lines, so that the next build need not find them again.
    """
    foreign = set(json.loads(record.read_text())) if record.exists() else set()
    while True:
        found = substitutions.complete(listed, plan, interpreter, foreign)
        try:
            return made(found)
        except WrongPlatform as error:
            names = {canonicalize_name(name) for name in error.packages}
            more = {line for line in found.lines if substitutions.package(line) in names} - foreign
            if not more:  # something that is needed depends on it
                raise
            foreign |= more
            files.write(record, json.dumps(sorted(foreign)), mode=0o600)


def _of_newest(
    error: DependencyBuildFailed, found: Requirements, checkout: Checkout, key: str
) -> DependencyBuildFailed:
    """Return the error as NewestFails if only the date of its commit could tell which version a project needs."""
    name = canonicalize_name(re.split(r"[\s=@\[]", error.package, maxsplit=1)[0])
    decided = found.as_of or found.locked or name in pinned(found.lines) or name in found.undated
    if not name or decided or not may_be_dated(checkout):
        return error
    return NewestFails(error.found, error.remedy, key, f"The newest {error.package} does not build here")


@contextlib.contextmanager
def _workspace(folder: Path) -> Iterator[Path]:
    """Yield a temporary folder of ours; what killed runs left behind is removed first."""
    for old in folder.glob(".new-*"):
        trees.discard_tree(old)
    work = Path(tempfile.mkdtemp(prefix=".new-", dir=folder))
    work.chmod(0o755)
    try:
        yield work
    finally:
        trees.discard_tree(work)


def _home(passwords: str, work: Path, user: str | None) -> Path:
    """Make a home folder for the installer with the passwords of private packages, which goes with the workspace."""
    folder = work / "home"
    folder.mkdir(mode=0o700)
    owner = users.ensure_user(user) if user else None
    files.write(folder / ".netrc", passwords, mode=0o600, owner=owner)
    return users.home(folder, owner)


def _listing(found: Requirements, root: Path, work: Path, user: str | None) -> Listing:
    """Write the requirements for the installer, with copies of the packages that the checkout holds."""
    source = work / "source"
    copies = local_packages.copies(found.local, root, source, user) if found.needs_checkout else []
    return requirements.write(found, work, copies, source=source)
