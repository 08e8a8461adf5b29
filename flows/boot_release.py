"""boot_release: a release on as many appservers as it wants; where one is lost meanwhile, another takes its place.

A stage of build_and_deploy, rollback and publish_host, whose runs show its tasks.
"""

from flows.deploy import deploy
from tasks.placement import others_than, placement
from tasks.subflows import lost_of, on_servers


def boot_release(job: int, release: int) -> None:
    """Have a release healthy on appservers; nobody sees it yet."""
    appservers, lost = placement(job, release), list[str]()
    while appservers and others_than([*appservers, *lost]):
        gone = lost_of(deploy, "appserver", appservers, release=release, job=job)
        lost += gone
        appservers = placement(job, release, lost=lost) if gone else []
    on_servers(deploy, "appserver", appservers, release=release, job=job)
