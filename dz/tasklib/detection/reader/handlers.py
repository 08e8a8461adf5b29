"""The handlers that an evaluator of settings is given: every type of node that is followed."""

from dz.tasklib.detection.reader import (
    assignments,
    attributes,
    branches,
    calls,
    classes,
    exceptions,
    functions,
    imports,
    literals,
    operators,
    statements,
)
from dz.tasklib.detection.reader.evaluator import Handlers

EXPRESSIONS: Handlers = {
    **literals.EXPRESSIONS,
    **operators.EXPRESSIONS,
    **attributes.EXPRESSIONS,
    **calls.EXPRESSIONS,
}
STATEMENTS: Handlers = {
    **statements.STATEMENTS,
    **assignments.STATEMENTS,
    **branches.STATEMENTS,
    **exceptions.STATEMENTS,
    **functions.STATEMENTS,
    **classes.STATEMENTS,
    **imports.STATEMENTS,
}
