"""The configuration of gunicorn for an app instance."""

from collections.abc import Sequence

from dz.tasklib.appservers.instance import AppInstance
from dz.tasklib.configuration.plan import Plan

SHARE_WHAT_WAS_LOADED = ("gthread", "sync")
"""Worker classes that can be forked from a master which has loaded the project; gevent replaces modules before that."""
_CONFIG = """import os

# Its launcher listens, at an address that nobody else can take, and hands the socket down as systemd would.
os.environ.update(LISTEN_FDS="1", LISTEN_PID=str(os.getpid()))
bind = {bind!r}
workers = {workers}
{worker}timeout = {timeout}
max_requests = {max_requests}
max_requests_jitter = {max_requests_jitter}
limit_request_line = {line}
limit_request_fields = {fields}
limit_request_field_size = {field_size}
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
        worker="" if plan.use_asgi else _worker(plan),
        timeout=plan.timeout,
        max_requests=plan.max_requests,
        max_requests_jitter=plan.max_requests_jitter,
        line=plan.limit_request_line,
        fields=plan.limit_request_fields,
        field_size=plan.limit_request_field_size,
        preload=plan.preload and not plan.use_asgi and plan.worker_class in SHARE_WHAT_WAS_LOADED,
        tmp=str(instance.home / "tmp"),
        proxies=",".join(proxies),
        hold=str(instance.hold),
    )


def _worker(plan: Plan) -> str:
    """Return the lines that say what a WSGI worker is."""
    if plan.worker_class != "gthread":
        return f"worker_class = {plan.worker_class!r}\nthreads = 1\n"
    if plan.threads == 1:
        return "worker_class = 'sync'\nthreads = 1\n"
    # A worker whose threads are all busy leaves new requests to the others; nginx keeps no connection open anyway.
    return f"worker_class = 'gthread'\nthreads = {plan.threads}\nworker_connections = {plan.threads}\nkeepalive = 0\n"
