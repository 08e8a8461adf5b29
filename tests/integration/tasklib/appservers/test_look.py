"""An app instance is asked through its own socket."""

import os
import signal

import psutil

from dz.tasklib.appservers import instance, look


def test_an_instance_that_answers_is_well_and_one_that_is_killed_or_fails_is_not(site) -> None:
    site.boot("")
    site.check(60)
    assert look.wrong(site.instance, supervisor=site.supervisor) == ""
    with site.zoomdb.session() as session:
        project = session.get_one(instance.Project, site.instance.project_id)
        project.current_release_id = site.instance.release_id
    found = instance.current(site.zoomdb, site.instance.project_id, "app-1", folder=site.instance.folder)
    assert found == site.instance
    pid = site.supervisor.pid(site.name)
    os.kill(pid, signal.SIGSTOP)
    for one in _below(pid):
        os.kill(one, signal.SIGSTOP)
    try:
        look.SECONDS, before = 1.0, look.SECONDS
        assert "does not answer" in look.wrong(site.instance, supervisor=site.supervisor)
    finally:
        look.SECONDS = before
        for one in (*_below(pid), pid):
            os.kill(one, signal.SIGCONT)
    site.supervisor.remove(site.name)
    assert "does not run (gone)" in look.wrong(site.instance, supervisor=site.supervisor)


def _below(pid: int) -> list[int]:

    return [child.pid for child in psutil.Process(pid).children(recursive=True)]
