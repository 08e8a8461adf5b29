"""A project asks for no more of a server than the operator gives."""

from dataclasses import fields, replace

import pytest

from dz.errors import InvalidConfig
from dz.settings import Settings
from dz.tasklib.configuration.bounds import SETTINGS, Bounds, bounded
from dz.tasklib.configuration.keys import KEYS
from tests.manifests import PLAN

BOUNDS = Bounds(instances=2, processes=3, threads=5, memory_mb=700)


def test_what_lies_within_stays_as_it_is() -> None:
    plan = replace(PLAN, instances=2, processes=3, threads=5, memory_mb=700)
    assert bounded(plan, BOUNDS, chosen=KEYS) == plan
    assert bounded(replace(plan, memory_mb=None), BOUNDS, chosen=KEYS).memory_mb is None


@pytest.mark.parametrize("key", [field.name for field in fields(Bounds)])
def test_a_key_beyond_its_bound_is_named_with_both(key: str) -> None:
    most = getattr(BOUNDS, key)
    with pytest.raises(InvalidConfig) as caught:
        bounded(replace(PLAN, **{"threads": 1, key: most + 1}), BOUNDS, chosen=[key])
    assert caught.value.found == f"zoombuild.cfg asks for {key} = {most + 1}; here {most} is the most."
    assert caught.value.remedy == f"Set {key} to {most} or less; the operator may raise {SETTINGS[key]}."
    assert SETTINGS[key].removeprefix("DZ_").lower() in Settings.model_fields


def test_what_was_only_detected_is_cut_with_a_warning() -> None:
    found = bounded(replace(PLAN, processes=40, threads=5), BOUNDS, chosen=["threads"])
    assert found.processes == 3
    assert found.warnings[-1] == (
        "The project's own start command asks for processes = 40; it gets 3, the most here (the operator may raise "
        "DZ_MOST_PROCESSES)."
    )
