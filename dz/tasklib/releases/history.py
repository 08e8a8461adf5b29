"""What the database of a project has become since one of its versions, and whether that version's code bears it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import select

from dz.errors import RollbackRefused
from dz.tasklib.bundles.manifest import Manifest
from dz.zoomdb import Zoomdb
from dz.zoomdb.models import Release

_REFUSED = {"loses": "its data are gone", "breaks": "", "unknown": "what that does cannot be told"}
"""The kinds of harm for which going back asks for a yes, with what is added to their words."""
_SHOWN = 6


@dataclass(frozen=True)
class Since:
    """The migrations that have been applied since a version, which its code does not know.

    Args:
        version: its number.
        migrations: their names with pairs of a kind of harm and what was done; None: nobody knows.
    """

    project: str
    version: int
    migrations: Mapping[str, Sequence[tuple[str, str]]] | None

    def refuse(self) -> None:
        """Refuse to go back if the version's code does not fit the database.

        Raises:
            RollbackRefused: with the migrations and what they did.
        """
        found = [
            f"{name}: {what}{f' ({why})' if (why := _REFUSED[kind]) else ''}"
            for name, harms in (self.migrations or {}).items()
            for kind, what in harms
            if kind in _REFUSED
        ]
        if found:
            raise RollbackRefused(
                f"The code of version {self.version} does not fit the database as later migrations left it; pages and what is "
                f"sent to them may fail. {_some(found, '; ')}.",
                f"`dz rollback {self.project} {self.version} --yes` goes back all the same; the database stays as it is. Safer: "
                "correct the newest version and deploy it.",
            )

    @property
    def warnings(self) -> list[str]:
        """What is to be known when going back."""
        if self.migrations is None:
            said = f"Whether the code of version {self.version} fits the database as later migrations left it"
            return [f"{said} cannot be told: it was built before that was kept."]
        rows = [
            f"{name} ({what})"
            for name, harms in self.migrations.items()
            for kind, what in harms
            if kind not in _REFUSED
        ]
        if not rows:
            return []
        said = f"Later migrations changed rows by code of the project, which stays so: {_some(rows, '; ')}."
        return [f"{said} Look whether version {self.version} bears it."]

    @property
    def info(self) -> str:
        """What lies between the version and the database, in one line; empty if nothing does."""
        if not self.migrations:
            return ""
        return f"the database stays; {len(self.migrations)} migrations are later than version {self.version}: " + _some(
            list(self.migrations), ", "
        )


def since(zoomdb: Zoomdb, release_id: int) -> Since:
    """Return what has been applied to a project's database that a release does not know.

    Applied is what any later version brought whose hooks have run.
    """
    with zoomdb.session() as session:
        release = session.get_one(Release, release_id)
        known = Manifest.from_json(release.bundle.manifest)
        query = select(Release).where(Release.project_id == release.project_id, Release.hooks_done.is_not(None))
        later = [Manifest.from_json(row.bundle.manifest) for row in session.scalars(query.order_by(Release.number))]
        found = Since(release.project.name, release.number, {})
    differing = [manifest for manifest in later if manifest.schema != known.schema or not known.schema]
    if not differing:
        return found
    if known.migrations is None or any(manifest.migrations is None for manifest in differing):
        return Since(found.project, found.version, None)
    unknown = {
        name: harms
        for manifest in differing
        for name, harms in (manifest.migrations or {}).items()
        if name not in known.migrations
    }
    return Since(found.project, found.version, unknown)


def _some(names: Sequence[str], between: str) -> str:
    more = f"{between}and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    return between.join(names[:_SHOWN]) + more
