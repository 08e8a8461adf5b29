"""launch: from a git URL to a live site, with a form in which a person confirms or corrects what was guessed."""

from prefect import flow
from prefect.client.schemas.objects import State
from prefect.states import Completed

from flows.build_and_deploy import build_and_deploy
from flows.check_repo import check_repo
from tasks.endings import tells_its_end
from tasks.launches import (
    answer_of,
    begin_check,
    begin_deploy,
    choose_project,
    fill_form,
    has_form,
    is_confirmed,
    judge_answer,
    prepare_form,
    report_site,
    running_launch,
)
from tasks.parameters import LaunchRequest, OwnJob


@tells_its_end
@flow(name="launch", flow_run_name="launch {request.subject}", persist_result=False)
def launch(request: LaunchRequest, job: OwnJob = None) -> State[None]:
    """Check a repository, ask a person to confirm what was guessed, then build and deploy just that.

    A run that was suspended, or is repeated, begins at the first line: what was done is in zoomdb and is skipped.
    """
    with running_launch(request, job) as job_id:
        if check := begin_check(job_id, request):
            check_repo(request.source, job=check)
        choose_project(job_id, request)
        if not has_form(job_id):
            fill_form(job_id, request)
        while not is_confirmed(job_id):
            form = prepare_form(job_id, request)
            if answer := answer_of(form, request):
                judge_answer(job_id, request, answer)
        if deploy := begin_deploy(job_id, request):
            build_and_deploy(deploy.request, job=deploy.job)
        return Completed(message=report_site(job_id))
