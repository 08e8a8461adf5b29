"""`if`: which branch a deployed site takes, and what depends on that."""

import ast
import re

from dz.tasklib.detection.reader.evaluator import Evaluator, Handlers
from dz.tasklib.detection.reader.failures import Failure
from dz.tasklib.detection.reader.stages import is_switch
from dz.tasklib.detection.reader.values import Scope, Unknown
from dz.tasklib.detection.syntax import source

_NAMES_OF_DEBUG = {"DEBUG", "TESTING", "TEST", "IS_TESTING", "IS_TEST"}
_DEFAULT_DATABASE = re.compile(r"\bDATABASES(?:\['default'\](?:\['\w+'\])?)?(?: = |: |\.update\()")


def only_debug(test: ast.expr) -> bool:
    """Say whether a condition is about nothing but whether this is development."""
    names = {node.id for node in ast.walk(test) if isinstance(node, ast.Name)}
    return bool(names) and names <= _NAMES_OF_DEBUG and not any(isinstance(node, ast.BoolOp) for node in ast.walk(test))


def deployed_branch(node: ast.If) -> list[ast.stmt]:
    """Return the branch that is not for development, of a condition that is only about that."""
    return node.body if isinstance(node.test, ast.UnaryOp) else node.orelse


def demanded_engine(test: ast.expr) -> str:
    """Return the database engine without which a condition, whose branch raises, is true; "" for any other condition."""
    if not isinstance(test, ast.Compare) or not isinstance(test.ops[0], ast.NotEq | ast.NotIn):
        return ""
    sides = [test.left, *test.comparators]
    texts = [part.value for side in sides for part in ast.walk(side) if isinstance(part, ast.Constant)]
    engines = [text for text in texts if isinstance(text, str) and ".backends." in text]
    return engines[0] if engines and "ENGINE" in ast.unparse(test) else ""


def _if(evaluator: Evaluator, node: ast.If, scope: Scope) -> None:
    test, touched = evaluator.test(node.test, scope)
    if not only_debug(node.test) and _DEFAULT_DATABASE.search(source(node)):
        evaluator.found.switched |= {name for name in touched if not is_switch(name)}
    if any(isinstance(statement, ast.Raise) for statement in node.body):
        evaluator.found.engine = evaluator.found.engine or demanded_engine(node.test)
        touched |= _alternatives(evaluator, node.test, scope) if test is True else set()
        touched = touched or _choosing(evaluator, node.test)
    with evaluator.under(touched):
        if isinstance(test, Unknown):
            _both(evaluator, node, scope)
        else:
            evaluator.block(node.body if test else node.orelse, scope)


def _alternatives(evaluator: Evaluator, test: ast.expr, scope: Scope) -> set[str]:
    """Return the variables of every true part of `A or B`: each of them alone would make the condition true."""
    parts = test.values if isinstance(test, ast.BoolOp) and isinstance(test.op, ast.Or) else []
    tested = [evaluator.test(part, scope) for part in parts]
    return {name for value, touched in tested if value is True for name in touched}


def _choosing(evaluator: Evaluator, test: ast.expr) -> set[str]:
    """Return the variables that chose the values of the names in a condition."""
    names = [node.id for node in ast.walk(test) if isinstance(node, ast.Name)]
    return {variable for name in names for variable in evaluator.found.chosen.get(name, set())}


def _both(evaluator: Evaluator, node: ast.If, scope: Scope) -> None:
    """Follow both branches of an unknown condition: what they read counts, what fails in them does not."""
    if only_debug(node.test):
        evaluator.block(deployed_branch(node), scope)
        return
    for branch in (node.orelse, node.body):
        with evaluator.attempt():
            try:
                evaluator.block(branch, scope)
            except Failure:
                continue


STATEMENTS: Handlers = {ast.If: _if}
