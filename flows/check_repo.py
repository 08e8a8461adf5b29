"""check_repo: from a git URL to guesses about how the project is to be configured, proved by running them."""

from prefect import flow
from prefect.client.schemas.objects import State
from prefect.states import Completed

from dz.zoomdb.states import JobKind
from tasks.checkouts import check_out_source
from tasks.detection import inspect_code
from tasks.endings import tells_its_end
from tasks.guesses import publish_guesses, write_config_guesses
from tasks.jobs import running_job
from tasks.parameters import OwnJob, Source
from tasks.proof import prove


@tells_its_end
@flow(name="check-repo", flow_run_name="check {source.subject}", persist_result=False)
def check_repo(source: Source, job: OwnJob = None) -> State[None]:
    """Check out a repository, inspect it and store ConfigGuesses; then run what they say, and store what happened.

    A repository that is no Django project, or does not load, is a result, not a failure.
    """
    with running_job(JobKind.CHECK_REPO, source, job) as job_id:
        checkout = check_out_source(job_id, source)
        inspection = inspect_code(job_id, checkout)
        write_config_guesses(job_id, inspection)
        publish_guesses(job_id, inspection, source)
        if not inspection.is_django:
            return Completed(name="Not Django", message=inspection.reason)
        if source.prove:
            proved = prove(job_id, checkout, inspection)
            write_config_guesses(job_id, proved)
            publish_guesses(job_id, proved, source, tried=True)
        return Completed(message=f"The artifact {source.project}-guesses says how it would be built, and leads on.")
