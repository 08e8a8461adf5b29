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
    ("preload", "use_asgi", "once"), [(True, False, True), (False, False, False), (True, True, False)]
)
def test_only_a_wsgi_site_whose_plan_allows_it_is_loaded_once(instance, preload, use_asgi, once):
    assert configured(with_plan(instance, preload=preload, use_asgi=use_asgi))["preload_app"] is once


@settings(max_examples=50, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), min_size=1, max_size=30))
def test_no_folder_changes_what_the_file_says(instance, folder):
    there = replace(instance, folder=Path("/") / folder)
    found = configured(there)
    assert found["worker_tmp_dir"] == str(there.home / "tmp")
    assert set(found) == set(configured(instance))
