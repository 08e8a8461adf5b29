"""What an app instance answers to whom asks for its pages, and how people are told."""

import http.client
import time
from collections.abc import Mapping, Sequence
from http import HTTPStatus
from urllib.parse import urljoin, urlsplit

from dz.tasklib.appservers.instance import AppInstance
from dz.tasklib.jobs.results import Answer

SECONDS = 5.0
"""Seconds that all questions besides the health check may take together; they change nothing."""
_REDIRECTS = 3
_WORKER = "X-DjangoZoom-Worker"
"""Asks for the process that answers, and names it in the answer; see `shim/dz_answers.py`."""


def of(instance: AppInstance, status: int) -> list[Answer]:
    """Return what was answered, the page of the health check first; if that is an error, other known pages are asked.

    Args:
        status: what the page of the health check answers.
    """
    manifest = instance.manifest
    found = [Answer(path=manifest.plan.health_path, status=status)]
    end = time.monotonic() + SECONDS
    for path in manifest.known_paths if status >= HTTPStatus.BAD_REQUEST else ():
        if path != manifest.plan.health_path and (left := end - time.monotonic()) > 0:
            answer = _final(instance, path, left)
            found += [] if answer is None else [Answer(path=path, status=answer)]
    return found


def ask(instance: AppInstance, path: str, *, timeout: float) -> tuple[int | None, str]:
    """Return the status of a page, None if there is no answer, and the address that the answer redirects to."""
    answer = _answer(instance, path, timeout=timeout)
    return (answer.status, answer.getheader("Location", "")) if answer else (None, "")


def worker(instance: AppInstance, *, timeout: float) -> str | None:
    """Return which worker process answers a request; None if none does, or none says which it is.

    Args:
        timeout: seconds from now.
    """
    answer = _answer(instance, instance.manifest.plan.health_path, {_WORKER: "?"}, timeout=timeout)
    return answer.headers[_WORKER] if answer else None


def _answer(
    instance: AppInstance, path: str, more: Mapping[str, str] | None = None, *, timeout: float
) -> http.client.HTTPResponse | None:
    """Return status and headers of a page; None if there is no answer.

    Args:
        more: headers besides those that nginx would send.
    """
    connection = http.client.HTTPConnection(instance.address, instance.port, timeout=timeout)
    headers = {"Host": instance.host, "X-Forwarded-Proto": "https", "Connection": "close", **(more or {})}
    try:
        connection.request("GET", path, headers=headers)
        return connection.getresponse()
    except (OSError, ValueError, http.client.HTTPException):
        return None
    finally:
        connection.close()


def sentence(answers: Sequence[Answer]) -> str:
    """Say what a site answers whose first page is an error, and where it answers 200; empty for any other."""
    if not answers or answers[0]["status"] < HTTPStatus.BAD_REQUEST:
        return ""
    well = [one["path"] for one in answers if one["status"] == HTTPStatus.OK]
    others = [f"{one['path']} answers {_words(one['status'])}" for one in answers if one["status"] != HTTPStatus.OK]
    where = f"{' and '.join(well)} {'answer' if len(well) > 1 else 'answers'} 200." if well else ""
    return f"{', '.join(others)}. {where}".strip()


def _final(instance: AppInstance, path: str, timeout: float) -> int | None:
    """Return the status at the end of redirects within the site, such as that to a login page."""
    status, target = ask(instance, path, timeout=timeout)
    for _ in range(_REDIRECTS):
        moved = urlsplit(urljoin(f"http://{instance.host}{path}", target))
        if not target or moved.hostname != instance.host:
            break
        path = moved._replace(scheme="", netloc="", fragment="").geturl() or "/"
        status, target = ask(instance, path, timeout=timeout)
    return status


def _words(status: int) -> str:
    try:
        return f"{status} {HTTPStatus(status).phrase}"
    except ValueError:
        return str(status)
