"""The configuration of gunicorn for an app instance."""

from collections.abc import Sequence

from dz.tasklib.appservers.instance import AppInstance

_CONFIG = """bind = {bind!r}
workers = {workers}
timeout = 60
graceful_timeout = 15
preload_app = {preload}
accesslog = None
errorlog = "-"
worker_tmp_dir = {tmp!r}
forwarded_allow_ips = {proxies!r}


def when_ready(server):
    import gc, os, sys
    if preload_app and os.environ.get("DZ_URLS_EARLY"):
        try:
            from django.urls import get_resolver
            get_resolver().url_patterns
        except (Exception, SystemExit):
            pass  # the first request will show what is wrong
    # The garbage collector never touches again what exists now, so the workers keep sharing its memory.
    if hasattr(gc, "freeze"):
        gc.freeze()
    # The workers must not share a connection that the project opened while it was loading.
    database = sys.modules.get("django.db")
    for connection in database.connections.all() if database else ():
        connection.close()
    if preload_app:
        try:
            import dz_hooks
        except ImportError:
            return  # a bundle without dz_hooks, whose app instance nothing holds
        dz_hooks.wait_for({hold!r})


def post_fork(server, worker):
    # A worker whose master was killed would keep the port for up to half of `timeout`, and no new master could listen.
    import ctypes, os, signal
    ctypes.CDLL(None).prctl(1, signal.SIGTERM)  # PR_SET_PDEATHSIG
    if os.getppid() != worker.ppid:
        os._exit(1)
"""


def config(instance: AppInstance, *, proxies: Sequence[str]) -> str:
    """Return gunicorn's configuration file; a WSGI site whose plan allows it is loaded once, before the workers fork.

    Args:
        proxies: addresses of the platform's proxies, whose X-Forwarded headers are believed.
    """
    plan = instance.manifest.plan
    return _CONFIG.format(
        bind=f"{instance.address}:{instance.port}",
        workers=plan.processes,
        preload=plan.preload and not plan.use_asgi,
        tmp=str(instance.home / "tmp"),
        proxies=",".join(proxies),
        hold=str(instance.hold),
    )
