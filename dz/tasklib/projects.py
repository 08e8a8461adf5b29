"""Projects: a customer's Django site, its name, its title and its source."""

from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from dz import names
from dz.errors import InvalidName, UnknownProject
from dz.zoomdb import Zoomdb
from dz.zoomdb.models import Project, Release


@dataclass(frozen=True)
class ProjectView:
    """A project as people and flows see it."""

    id: int
    name: str
    sysid: str
    title: str
    source_url: str
    ref: str | None
    version: int | None
    release_id: int | None = None


def ensure(zoomdb: Zoomdb, *, name: str | None, url: str | None, ref: str | None) -> ProjectView:
    """Return the project of this name, or of this URL if no name is given; create it if a URL is given and none exists.

    Args:
        name: the project's name, or the name for a new project.
        url: where its source lies; the source of an existing project stays as it is, see `set_source`.
        ref: branch, tag or commit of a new project.

    Raises:
        UnknownProject: no URL is given and no project has that name.
        InvalidName: the name breaks the rules.
    """
    try:
        return _ensure(zoomdb, name=name, url=url, ref=ref)
    except IntegrityError:
        # Another job won the race and created the project: this time it is found.
        return _ensure(zoomdb, name=name, url=url, ref=ref)


def _ensure(zoomdb: Zoomdb, *, name: str | None, url: str | None, ref: str | None) -> ProjectView:
    with zoomdb.session() as session:
        project = _find(session, name, url)
        if project is None:
            if url is None:
                raise UnknownProject(
                    f"There is no project named {name!r}.", "See `dz projects`, or give the URL of its git repository."
                )
            wanted = names.project_name(name) if name else _free_name(session, names.project_name_from_url(url))
            project = Project(name=wanted, title=wanted, source_url=url, ref=ref)
            session.add(project)
            session.flush()
        return _view(project)


def _find(session: Session, name: str | None, url: str | None) -> Project | None:
    if name:
        return session.scalar(select(Project).where(Project.name == name))
    return session.scalar(select(Project).where(Project.source_url == url).order_by(Project.id))


def _free_name(session: Session, wanted: str) -> str:
    for number in range(1, 1000):
        candidate = wanted if number == 1 else f"{wanted[:27].rstrip('-')}-{number}"
        if session.scalar(select(Project.id).where(Project.name == candidate)) is None:
            return candidate
    raise InvalidName(f"All names like {wanted!r} are taken.", "Choose a name with --name.")


def find(zoomdb: Zoomdb, name: str) -> ProjectView:
    """Return the project named `name`, or raise UnknownProject."""
    return ensure(zoomdb, name=name, url=None, ref=None)


def get(zoomdb: Zoomdb, project_id: int) -> ProjectView:
    """Return a project by its id."""
    with zoomdb.session() as session:
        return _view(session.get_one(Project, project_id))


def listed(zoomdb: Zoomdb) -> list[ProjectView]:
    """Return all projects, sorted by name."""
    with zoomdb.session() as session:
        return [_view(project) for project in session.scalars(select(Project).order_by(Project.name))]


def of_source(zoomdb: Zoomdb, url: str) -> ProjectView | None:
    """Return the project whose source is this URL, the oldest if there are several."""
    with zoomdb.session() as session:
        project = _find(session, None, url)
        return _view(project) if project else None


def set_source(zoomdb: Zoomdb, project_id: int, *, url: str, ref: str | None) -> None:
    """Store where later deploys take the source from; called once a build of it has succeeded."""
    with zoomdb.session() as session:
        project = session.get_one(Project, project_id)
        project.source_url, project.ref = url, ref or project.ref


def refuse_name(zoomdb: Zoomdb, project_id: int, name: str) -> None:
    """Raise InvalidName if a project cannot take a name: it breaks the rules, is taken, or the project has releases."""
    known = get(zoomdb, project_id)
    if known.name == names.project_name(name):
        return
    with zoomdb.session() as session:
        owner = session.scalar(select(Project.source_url).where(Project.name == name))
        released = session.scalar(select(Release.id).where(Release.project_id == project_id).limit(1))
    if owner:
        raise InvalidName(f"The name {name!r} is taken by the project from {owner}.", "Choose another name.")
    if released:
        raise InvalidName(
            f"The project {known.name!r} has versions already, so its name stays.",
            f"Keep {known.name!r}, or launch a second project from the same URL by giving its name.",
        )


def rename(zoomdb: Zoomdb, project_id: int, name: str) -> None:
    """Rename a project that was never released; raises InvalidName, see `refuse_name`."""
    refuse_name(zoomdb, project_id, name)
    with zoomdb.session() as session:
        project = session.get_one(Project, project_id, with_for_update=True)
        project.title = name if project.title == project.name else project.title
        project.name = name


def set_title(zoomdb: Zoomdb, project_id: int, title: str) -> None:
    """Store the title that the configuration gives the project."""
    with zoomdb.session() as session:
        session.get_one(Project, project_id).title = title[:200]


def _view(project: Project) -> ProjectView:
    release = project.current_release
    return ProjectView(
        project.id,
        project.name,
        project.sysid,
        project.title,
        project.source_url,
        project.ref,
        release.number if release else None,
        release.id if release else None,
    )
