"""Writes the files of an app instance: its variables, gunicorn's configuration, and the folders it may write to."""

import json
import os
from collections.abc import Mapping

from dz.adapters import files, users
from dz.tasklib import databases
from dz.tasklib.appservers import gunicorn
from dz.tasklib.appservers.instance import AppInstance
from dz.tasklib.variables.of_release import variables_of
from dz.zoomdb import Zoomdb


def configure(zoomdb: Zoomdb, instance: AppInstance, *, owner: tuple[int, int] | None) -> None:
    """Write the files of an app instance.

    Args:
        owner: uid and gid of the project's user; None: this process's own.
    """
    variables = variables_of(
        zoomdb,
        instance.release_id,
        credentials=databases.credentials(zoomdb, instance.project_id),
        # nginx alone decides which host names reach a site, so that a name added later needs no restart.
        hosts=["*"],
        origins=[f"{scheme}://{host}" for host in instance.hosts for scheme in ("https", "http")],
        static_url=instance.manifest.static_url,
        media_root=str(instance.media),
    )
    write_files(instance, variables, owner=owner)


def write_files(instance: AppInstance, variables: Mapping[str, str], *, owner: tuple[int, int] | None) -> None:
    """Write the files of an app instance; only the project's user can read the variables."""
    instance.own.mkdir(parents=True, exist_ok=True, mode=0o755)
    instance.media.parent.mkdir(parents=True, exist_ok=True, mode=0o755)
    for folder, mode in ((instance.home, 0o700), (instance.home / "tmp", 0o700), (instance.media, 0o755)):
        folder.mkdir(exist_ok=True, mode=mode)
        if owner:
            os.chown(folder, *owner, follow_symlinks=False)
    users.closed_folder(instance.bundle.parent, owner)
    files.write(instance.gunicorn_file, gunicorn.config(instance), mode=0o644)
    files.write(instance.env_file, json.dumps(dict(variables), sort_keys=True), mode=0o400, owner=owner)
