"""The options of web servers: which key of `zoombuild.cfg` takes each, and what becomes of the others."""

import argparse
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

NOTHING = "DjangoZoom has nothing for it"
VARIABLES = "set variables with `dz variables`"
FOLDERS = "use additional_python_path_dirs"
PREFIX = "set FORCE_SCRIPT_NAME in the settings"


@dataclass(frozen=True)
class Option:
    """An option as the owner wrote it.

    Args:
        name: as written, such as `-w` or `workers`.
        meaning: the server's own name for it, such as `workers`.
        value: its text; "" for a flag.
        basis: `file:line` or the variable that holds it.
    """

    name: str
    meaning: str
    value: str
    basis: str


@dataclass(frozen=True)
class Server:
    """What a web server's options are called, and what becomes of each.

    Args:
        keys: option to key of `zoombuild.cfg`.
        short: the letters of options that have one.
        flags: options without a value.
        ours: options whose matter the platform sees to.
        remarks: what to do in place of others.
        asgi: it serves ASGI.
    """

    keys: dict[str, str]
    short: dict[str, str] = field(default_factory=dict)
    flags: frozenset[str] = frozenset()
    ours: frozenset[str] = frozenset()
    remarks: dict[str, str] = field(default_factory=dict)
    asgi: bool = False


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


GUNICORN = Server(
    keys={
        "workers": "processes",
        "worker_class": "worker_class",
        "threads": "threads",
        "timeout": "timeout",
        "max_requests": "max_requests",
        "max_requests_jitter": "max_requests_jitter",
        "limit_request_line": "limit_request_line",
        "limit_request_fields": "limit_request_fields",
        "limit_request_field_size": "limit_request_field_size",
    },
    short={
        "w": "workers",
        "k": "worker_class",
        "t": "timeout",
        "b": "bind",
        "c": "config",
        "e": "env",
        "p": "pid",
        "u": "user",
        "g": "group",
        "m": "umask",
        "n": "name",
        "D": "daemon",
        "R": "enable_stdio_inheritance",
    },
    flags=_words(
        "reload spew check_config print_config preload no_sendfile reuse_port daemon initgroups capture_output log_syslog "
        "enable_stdio_inheritance disable_redirect_access_to_syslog enable_backlog_metric no_control_socket "
        "permit_obsolete_folding strip_header_spaces do_handshake_on_connect suppress_ragged_eofs"
    ),
    ours=_words(
        "bind backlog daemon pid pidfile worker_tmp_dir user group umask initgroups access_logfile accesslog error_logfile "
        "errorlog log_file access_logformat access_log_format log_level loglevel capture_output name proc_name "
        "default_proc_name keep_alive keepalive graceful_timeout forwarded_allow_ips secure_scheme_headers proxy_protocol "
        "proxy_allow_from proxy_allow_ips reuse_port no_sendfile sendfile tmp_upload_dir preload preload_app wsgi_app "
        "enable_stdio_inheritance disable_redirect_access_to_syslog keyfile certfile ssl_version ca_certs cert_reqs ciphers "
        "no_control_socket control_socket print_config"
    ),
    remarks={
        "env": VARIABLES,
        "raw_env": VARIABLES,
        "pythonpath": FOLDERS,
        "chdir": "use project_root or additional_python_path_dirs",
        "root_path": PREFIX,
    },
)
UVICORN = Server(
    keys={"workers": "processes", "limit_max_requests": "max_requests"},
    flags=_words(
        "reload no_access_log access_log proxy_headers no_proxy_headers server_header no_server_header date_header "
        "no_date_header use_colors no_use_colors factory"
    ),
    ours=_words(
        "host port uds fd loop http ws lifespan interface log_level log_config access_log no_access_log proxy_headers "
        "no_proxy_headers forwarded_allow_ips timeout_keep_alive timeout_graceful_shutdown backlog ws_ping_interval "
        "ws_ping_timeout server_header no_server_header date_header no_date_header use_colors no_use_colors "
        "h11_max_incomplete_event_size ssl_keyfile ssl_certfile"
    ),
    remarks={"root_path": PREFIX, "app_dir": FOLDERS, "env_file": VARIABLES},
    asgi=True,
)
DAPHNE = Server(
    keys={"http_timeout": "timeout"},
    short={
        "t": "http_timeout",
        "p": "port",
        "b": "bind",
        "u": "unix_socket",
        "v": "verbosity",
        "e": "endpoint",
        "s": "server_name",
    },
    flags=_words("proxy_headers no_server_name"),
    ours=_words(
        "port bind unix_socket verbosity endpoint fd access_log log_fmt ping_interval ping_timeout application_close_timeout "
        "proxy_headers proxy_headers_host proxy_headers_port server_name no_server_name websocket_connect_timeout"
    ),
    remarks={"root_path": PREFIX},
    asgi=True,
)
HYPERCORN = Server(
    keys={"workers": "processes", "max_requests": "max_requests", "max_requests_jitter": "max_requests_jitter"},
    short={
        "w": "workers",
        "k": "worker_class",
        "b": "bind",
        "c": "config",
        "p": "pid",
        "u": "user",
        "g": "group",
        "m": "umask",
    },
    flags=_words("reload debug"),
    ours=_words(
        "bind insecure_bind quic_bind worker_class access_logfile access_log access_logformat error_logfile error_log "
        "log_level log_file log_config keep_alive graceful_timeout backlog pid user group umask websocket_ping_interval "
        "keyfile certfile ca_certs ciphers server_name"
    ),
    remarks={"root_path": PREFIX},
    asgi=True,
)
GRANIAN = Server(
    keys={"workers": "processes", "blocking_threads": "threads"},
    flags=_words("reload access_log no_access_log log no_log ws no_ws http1_keep_alive respawn_failed_workers"),
    ours=_words(
        "host port uds interface http ws no_ws loop log log_level access_log no_access_log access_log_fmt backlog "
        "runtime_threads runtime_mode task_impl backpressure respawn_failed_workers workers_lifetime process_name"
    ),
    remarks={"url_path_prefix": PREFIX, "working_dir": "use project_root"},
)
WAITRESS = Server(
    keys={
        "threads": "threads",
        "max_request_body_size": "request_body_mb",
        "max_request_header_size": "limit_request_field_size",
    },
    flags=_words("call no_ipv4 no_ipv6 ipv4 ipv6 expose_tracebacks"),
    ours=_words(
        "host port listen unix_socket unix_socket_perms call ipv4 ipv6 no_ipv4 no_ipv6 backlog connection_limit ident "
        "trusted_proxy trusted_proxy_headers trusted_proxy_count url_scheme channel_timeout cleanup_interval send_bytes"
    ),
    remarks={"url_prefix": PREFIX},
)
UWSGI = Server(
    keys={
        "processes": "processes",
        "workers": "processes",
        "threads": "threads",
        "harakiri": "timeout",
        "http_timeout": "timeout",
        "max_requests": "max_requests",
        "max_requests_delta": "max_requests_jitter",
        "buffer_size": "limit_request_field_size",
        "limit_post": "request_body_mb",
        "gevent": "worker_class",
        "lazy_apps": "preload",
    },
    short={
        "p": "processes",
        "s": "socket",
        "H": "home",
        "t": "harakiri",
        "R": "max_requests",
        "b": "buffer_size",
        "d": "daemonize",
        "M": "master",
        "T": "enable_threads",
        "w": "module",
    },
    flags=_words(
        "master enable_threads vacuum die_on_term single_interpreter need_app strict lazy lazy_apps thunder_lock disable_logging "
        "disable_write_exception ignore_sigpipe ignore_write_errors http_keepalive http_auto_chunked offload_threads memory_report "
        "auto_procname harakiri_verbose post_buffering no_orphans py_call_osafterfork logger_stdout log_x_forwarded_for"
    ),
    ours=_words(
        "master enable_threads vacuum die_on_term single_interpreter need_app strict thunder_lock disable_logging module wsgi "
        "wsgi_file callable home virtualenv venv socket http http_socket https chmod_socket chown_socket uwsgi_socket protocol "
        "uid gid pidfile safe_pidfile daemonize logto logto2 logger log_format log_master log_4xx log_5xx log_maxsize req_logger "
        "harakiri_verbose listen procname procname_prefix auto_procname plugin plugins touch_reload py_autoreload stats "
        "disable_write_exception ignore_sigpipe ignore_write_errors http_keepalive http_auto_chunked buffer_size_of_socket "
        "post_buffering no_orphans py_call_osafterfork reload_mercy worker_reload_mercy master_fifo memory_report max_fd "
        "logger_stdout log_x_forwarded_for hook_master_start exec_asap ini if_env endif if_exists show_config project base"
    ),
    remarks={
        "env": VARIABLES,
        "for_readline": VARIABLES,
        "pythonpath": FOLDERS,
        "pp": FOLDERS,
        "python_path": FOLDERS,
        "chdir": "use project_root or additional_python_path_dirs",
        "chdir2": "use project_root or additional_python_path_dirs",
        "static_map": "use site_media_map",
        "static_map2": "use site_media_map",
        "check_static": "use site_media_map",
        "lazy": "use preload = false",
        **dict.fromkeys(
            ("mule", "mules", "spooler", "cron", "cron2", "attach_daemon", "attach_daemon2", "smart_attach_daemon"),
            "it does not run here",
        ),
    },
)
SERVERS = {
    "gunicorn": GUNICORN,
    "gunicorn3": GUNICORN,
    "uvicorn": UVICORN,
    "daphne": DAPHNE,
    "hypercorn": HYPERCORN,
    "granian": GRANIAN,
    "waitress-serve": WAITRESS,
    "uwsgi": UWSGI,
    "pyuwsgi": UWSGI,
}


class _Wrong(Exception):
    pass


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> Any:
        raise _Wrong(message)


class _Noted(argparse.Action):
    """Keeps every option in the order in which it was written."""

    def __call__(self, parser: Any, namespace: Any, values: Any, option_string: str | None = None) -> None:
        namespace.found.append((option_string, self.dest, "" if values == [] else values))


def read(server: Server, words: Sequence[str], basis: str) -> Iterator[Option]:
    """Yield the options of a command line, in every spelling that the server itself would take.

    Args:
        words: all that follows the server's name.
    """
    parser = _Parser(add_help=False)
    letters = {long: letter for letter, long in server.short.items()}
    known = {*server.keys, *server.flags, *server.ours, *server.remarks, *letters, "config"}
    for name in sorted(known):
        flags = [*([f"-{letters[name]}"] if name in letters else []), f"--{name.replace('_', '-')}"]
        # gunicorn has an option with an underscore, daphne two.
        flags += [f"--{name}", "--limit-request-field_size"] if name == "limit_request_field_size" else [f"--{name}"]
        kind: dict[str, Any] = {"nargs": 0} if name in server.flags else {}
        parser.add_argument(*dict.fromkeys(flags), dest=name, action=_Noted, **kind)
    try:
        found, others = parser.parse_known_args(list(words), argparse.Namespace(found=[]))
    except _Wrong:
        return
    for written, meaning, value in found.found:
        yield Option(written or meaning, meaning, value, basis)
    for word in others:
        if re.match(r"--?[A-Za-z]", word):
            name, _, value = word.partition("=")
            yield Option(name, name.strip("-").replace("-", "_"), value, basis)
