"""What a job configuration says of Prefect's settings is what Prefect's own would say."""

from prefect.workers.process import ProcessJobConfiguration

from dz.worker.internals import settings


def test_the_settings_of_a_job_are_prefects_own() -> None:
    own = ProcessJobConfiguration(stream_output=False)
    ours = settings.KnownSettings(stream_output=False)
    assert ours._base_environment() == own._base_environment() == settings.as_variables()


def test_one_job_cannot_change_the_settings_of_the_next() -> None:
    settings.KnownSettings._base_environment()["PREFECT_API_URL"] = "changed"
    assert settings.as_variables().get("PREFECT_API_URL") != "changed"
