"""Variables that name the environment."""

import pytest

from dz.tasklib.detection.reader.stages import Stage, in_production, is_switch


@pytest.mark.parametrize("name", ["ENV", "APP_ENV", "DJANGO_ENVIRONMENT", "STAGE", "app_mode", "ENV_NAME"])
def test_a_variable_names_the_environment(name: str) -> None:
    assert is_switch(name)


@pytest.mark.parametrize("name", ["ENVELOPE", "MODERN", "DATABASE_URL", "STAGES"])
def test_a_variable_of_a_similar_name_does_not(name: str) -> None:
    assert not is_switch(name)


@pytest.mark.parametrize("spelling", ["prod", "Production", "LIVE", "prd"])
def test_production_equals_all_its_spellings(spelling: str) -> None:
    stage = Stage("production")
    assert stage.strip().lower().title() == spelling
    assert stage != "dev"


def test_only_a_fallback_to_development_means_production() -> None:
    assert in_production("APP_ENV", "dev") == "prod"
    assert in_production("APP_ENV", "staging") == "staging"
    assert in_production("COLOUR", "dev") == "dev"
