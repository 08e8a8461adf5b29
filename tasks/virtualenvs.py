"""Tasks about virtualenvs."""

from dz import wiring
from dz.adapters.interpreters import Interpreter
from dz.tasklib.checkouts import absent
from dz.tasklib.checkouts.checkouts import Checkout
from dz.tasklib.configuration.plan import Plan
from dz.tasklib.jobs import log
from dz.tasklib.virtualenvs import interpreters
from dz.tasklib.virtualenvs.virtualenvs import Virtualenv
from tasks.roles import on_role


@on_role("build")
def choose_interpreter(job: int, plan: Plan) -> Interpreter:
    """Choose the Python that the project gets, and fetch it if it is not there."""
    choice = interpreters.choose_interpreter(plan, wiring.pythons(), on_line=wiring.to_run_log)
    log.note(wiring.zoomdb(), job, choice.warnings, info=choice.told())
    return choice.interpreter


@on_role("build")
def create_virtualenv(job: int, project: int, plan: Plan, checkout: Checkout, interpreter: Interpreter) -> Virtualenv:
    """Create the virtualenv and install the dependencies into it, or reuse the one that has just these."""
    with absent.named_as_cause(checkout):
        virtualenv = wiring.installation(project, plan, checkout).install(interpreter)
    how = "reused" if virtualenv.reused else "installed"
    log.note(wiring.zoomdb(), job, virtualenv.warnings, info=f"{len(virtualenv.lines)} requirements {how}")
    return virtualenv
