"""`try`, `raise` and `assert`."""

import ast

from dz.tasklib.detection.reader.evaluator import Evaluator, Handlers
from dz.tasklib.detection.reader.failures import Failure
from dz.tasklib.detection.reader.values import Scope, Unknown
from dz.tasklib.detection.syntax import source


def _try(evaluator: Evaluator, node: ast.Try, scope: Scope) -> None:
    try:
        with evaluator.attempt():
            evaluator.block(node.body, scope)
    except Failure as failure:
        _handle(evaluator, node, failure, scope)
    else:
        evaluator.block(node.orelse, scope)
    evaluator.block(node.finalbody, scope)


def _handle(evaluator: Evaluator, node: ast.Try, failure: Failure, scope: Scope) -> None:
    """Run the handler that catches a failure; one that raises again needs the same variables."""
    for handler in node.handlers:
        caught = source(handler.type) if handler.type else "Exception"
        if any(name in caught for name in (*failure.kind.split(), "Exception")):
            with evaluator.under(failure.names):
                evaluator.block(handler.body, scope)
            return
    raise failure


def _raise(evaluator: Evaluator, node: ast.Raise, scope: Scope) -> None:
    raised = source(node.exc) if node.exc else "Exception"
    raise Failure(evaluator.blamed(), raised.partition("(")[0].rpartition(".")[2])


def _assert(evaluator: Evaluator, node: ast.Assert, scope: Scope) -> None:
    test, touched = evaluator.test(node.test, scope)
    if not isinstance(test, Unknown) and not test:
        raise Failure(touched, "AssertionError")


STATEMENTS: Handlers = {ast.Try: _try, ast.Raise: _raise, ast.Assert: _assert}
