"""publish_release: the switch that users see, on every proxy in parallel, or on none.

A stage of build_and_deploy and rollback, whose runs show its tasks.
"""

import contextlib

from dz.errors import DzError
from flows.proxy_update import proxy_update
from flows.undeploy import undeploy
from tasks.proxies import alive_proxies, report_absent_proxies
from tasks.releases import mark_published, retire_older
from tasks.subflows import later_on_server, on_servers


def publish_release(project: int, release: int, job: int) -> None:
    """Point every proxy to a release; if one refuses, all go back to the version before."""
    proxies = alive_proxies()
    try:
        on_servers(proxy_update, "proxy", proxies, release=release, project=project, job=job)
    except BaseException:
        # The first error matters more than one on the way back, and proxies repair themselves every minute anyway.
        with contextlib.suppress(DzError):
            on_servers(proxy_update, "proxy", proxies, project=project, job=job)
        raise
    mark_published(job, release)
    report_absent_proxies(job, proxies)

    # The version before stays warm for rollback; older ones are taken down, and nobody waits for that.
    for old in retire_older(job, project):
        later_on_server(undeploy, "appserver", old.server, deployment=old.deployment_id, job=job)
