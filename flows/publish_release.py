"""publish_release: the switch that users see, on every proxy in parallel, or on none.

A stage of build_and_deploy and rollback, whose runs show its tasks.
"""

import contextlib

from dz.errors import DzError
from flows.proxy_update import proxy_update
from flows.undeploy import undeploy
from tasks.policy import settle
from tasks.proxies import alive_proxies
from tasks.releases import mark_published, retire_older
from tasks.servers import later_on_server, on_server


def publish_release(project: int, release: int, job: int) -> None:
    """Point every proxy to a release; if one refuses, all go back to the version before."""
    proxies = alive_proxies()
    ids = {"project": project, "job": job}
    try:
        settle(*[on_server.submit(proxy_update, "proxy", proxy, release=release, **ids) for proxy in proxies])
    except BaseException:
        # What went wrong is worth more than what goes wrong on the way back; proxies repair themselves every minute.
        with contextlib.suppress(DzError):
            settle(*[on_server.submit(proxy_update, "proxy", proxy, **ids) for proxy in proxies])
        raise
    mark_published(job, release)

    # The version before stays warm for rollback; what is older goes, and nobody waits for that.
    for old in retire_older(job, project):
        later_on_server(undeploy, "appserver", old.server, deployment=old.deployment_id, job=job)
