"""An owner's variables, encrypted in zoomdb."""

import secrets
from collections.abc import Collection, Mapping

from sqlalchemy import delete, select
from sqlalchemy.dialects.postgresql import insert

from dz import names
from dz.tasklib import projects
from dz.zoomdb import Zoomdb
from dz.zoomdb.models import EnvVar, Project


def put(zoomdb: Zoomdb, project_id: int, values: Mapping[str, str]) -> None:
    """Store environment variables of a project, encrypted; the next release carries them.

    Raises:
        InvalidName: a name is reserved or malformed, or no process could hold a value; then nothing is stored.
    """
    checked = {names.variable(name): names.variable_value(name, value) for name, value in values.items()}
    with zoomdb.session() as session:
        sysid = names.sysid(project_id)
        for name, value in checked.items():
            known = session.scalar(select(EnvVar).where(EnvVar.project_id == project_id, EnvVar.name == name))
            row = known or EnvVar(project_id=project_id, name=name)
            row.value = zoomdb.encryption.encrypt(value, f"{sysid}/{name}")
            session.add(row)


def remove(zoomdb: Zoomdb, project_id: int, unwanted: Collection[str]) -> None:
    """Remove environment variables of a project; the next release no longer carries them."""
    with zoomdb.session() as session:
        session.execute(delete(EnvVar).where(EnvVar.project_id == project_id, EnvVar.name.in_(unwanted)))


def of_project(zoomdb: Zoomdb, project_id: int) -> dict[str, str]:
    """Return the environment variables of a project, decrypted."""
    with zoomdb.session() as session:
        rows = session.scalars(select(EnvVar).where(EnvVar.project_id == project_id).order_by(EnvVar.name))
        sysid = names.sysid(project_id)
        return {row.name: zoomdb.encryption.decrypt(row.value, f"{sysid}/{row.name}") for row in rows}


def of_source(zoomdb: Zoomdb, url: str, ref: str | None) -> dict[str, str]:
    """Return the variables of the project that is deployed from this URL at this ref, decrypted; {} if there is none.

    Another ref may hold another author's code, which must not get them.
    """
    project = projects.of_source(zoomdb, url)
    return of_project(zoomdb, project.id) if project and project.ref == ref else {}


def ensure_secret_key(zoomdb: Zoomdb, project_id: int) -> str:
    """Return the project's SECRET_KEY, made once and kept as its variable of that name."""
    owner = f"{names.sysid(project_id)}/SECRET_KEY"
    fresh = zoomdb.encryption.encrypt(secrets.token_urlsafe(50), owner)
    values = {"project_id": project_id, "name": "SECRET_KEY", "value": fresh, "secret": True}
    with zoomdb.session() as session:
        session.get_one(Project, project_id)
        session.execute(insert(EnvVar).values(values).on_conflict_do_nothing())
        query = select(EnvVar.value).where(EnvVar.project_id == project_id, EnvVar.name == "SECRET_KEY")
        return zoomdb.encryption.decrypt(session.scalars(query).one(), owner)
