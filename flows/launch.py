"""launch: from a git URL to a live site, with a form in which a person confirms or corrects what was guessed."""

from prefect import flow

from flows.build_and_deploy import build_and_deploy
from flows.check_repo import check_repo
from tasks.launches import (
    answer_of,
    check_to_run,
    deploy_to_run,
    first_form,
    form_to_show,
    report_site,
    running_launch,
    take_answer,
)
from tasks.parameters import LaunchRequest


@flow(name="launch", flow_run_name="launch {request.subject}", persist_result=False)
def launch(request: LaunchRequest, job: int | None = None) -> None:
    """Check a repository, ask a person to confirm what was guessed, then build and deploy just that.

    A run that was suspended, or is repeated, begins at the first line: what was done is in zoomdb and is skipped.
    """
    with running_launch(request, job) as job_id:
        if check := check_to_run(job_id, request):
            check_repo(request.source, job=check)
        first_form(job_id, request)
        while form := form_to_show(job_id, request):
            take_answer(job_id, request, answer_of(form, request))
        if deploy := deploy_to_run(job_id, request):
            build_and_deploy(deploy.request, job=deploy.job)
        report_site(job_id)
