from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dz.tasklib.appservers import gunicorn


def configured(instance):
    """What gunicorn finds in the file, which it executes."""
    found = {}
    text = gunicorn.config(instance, proxies=["127.0.0.1", "10.0.0.8"])
    exec(compile(text, "gunicorn.conf.py", "exec"), found)  # noqa: S102 - as gunicorn does
    return found


def with_plan(instance, **plan):
    return replace(instance, manifest=replace(instance.manifest, plan=replace(instance.manifest.plan, **plan)))


def test_it_listens_at_the_reserved_address_and_believes_no_proxy_but_the_platforms(instance):
    found = configured(with_plan(instance, processes=3))
    assert (found["bind"], found["workers"], found["forwarded_allow_ips"]) == (
        "10.0.0.4:21000",
        3,
        "127.0.0.1,10.0.0.8",
    )
    assert found["worker_tmp_dir"] == str(instance.home / "tmp")


@pytest.mark.parametrize(
    ("plan", "once"),
    [
        ({}, True),
        ({"preload": False}, False),
        ({"use_asgi": True}, False),
        ({"worker_class": "sync"}, True),
        ({"worker_class": "gevent"}, False),
    ],
)
def test_only_a_wsgi_site_whose_plan_allows_it_is_loaded_once(instance, plan, once):
    assert configured(with_plan(instance, **plan))["preload_app"] is once


def test_it_has_the_workers_and_limits_of_the_plan(instance):
    found = configured(instance)
    assert (found["worker_class"], found["threads"], found["timeout"], found["max_requests"]) == ("gthread", 4, 60, 0)
    assert (found["limit_request_line"], found["limit_request_fields"]) == (8190, 100)
    assert found["limit_request_field_size"] == 8190
    assert (found["worker_connections"], found["keepalive"]) == (4, 0), "a busy worker leaves requests to the others"
    assert configured(with_plan(instance, threads=1))["worker_class"] == "sync"
    assert configured(with_plan(instance, worker_class="gevent"))["worker_class"] == "gevent"
    own = {"worker_class": "sync", "threads": 1, "timeout": 300, "max_requests": 1000, "max_requests_jitter": 50}
    own |= {"limit_request_line": 4094, "limit_request_fields": 200, "limit_request_field_size": 16000}
    found = configured(with_plan(instance, **own))
    assert {key: found[key] for key in own} == own


def test_what_serves_asgi_is_not_chosen_by_the_plan(instance):
    assert not {"worker_class", "threads"} & configured(with_plan(instance, use_asgi=True)).keys()


@settings(max_examples=50, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), min_size=1, max_size=30))
def test_no_folder_changes_what_the_file_says(instance, folder):
    there = replace(instance, folder=Path("/") / folder)
    found = configured(there)
    assert found["worker_tmp_dir"] == str(there.home / "tmp")
    assert set(found) == set(configured(instance))
