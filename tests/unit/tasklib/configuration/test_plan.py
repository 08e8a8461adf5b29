"""A plan: the answer to every question, stored as JSON."""

import json
from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from dz.tasklib.configuration.plan import Plan
from tests.manifests import PLAN

_TEXT = st.text(max_size=20)
_PAIRS = st.lists(st.tuples(_TEXT, _TEXT), max_size=3).map(tuple)
_LINES = st.lists(_TEXT, max_size=3).map(tuple)
_PLANS = st.builds(
    replace,
    st.just(PLAN),
    title=_TEXT,
    wsgi=st.none() | _TEXT,
    use_asgi=st.booleans(),
    processes=st.integers(1, 64),
    hooks=_LINES,
    dependency_files=_LINES,
    site_media_map=_PAIRS,
    platform_variables=_PAIRS,
    build_variables=_PAIRS,
)


@given(_PLANS)
def test_a_plan_is_read_as_it_was_stored(plan: Plan) -> None:
    assert Plan.from_json(json.loads(json.dumps(plan.to_json()))) == plan


def test_a_plan_of_another_release_is_read_as_far_as_it_is_known() -> None:
    stored = replace(PLAN, preload=False, hooks=()).to_json()
    del stored["preload"], stored["hooks"]
    found = Plan.from_json({**stored, "of_another_release": ["a"]})
    assert (found, found.preload, found.hooks) == (PLAN, True, ("migrate",))
