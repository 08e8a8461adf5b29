"""Comparisons of the settings reader, where a variable may name the environment; see `interpreter`."""

import ast
from typing import Any

from dz.tasklib.detection.environment import is_switch, stage
from dz.tasklib.detection.expressions import Expressions
from dz.tasklib.detection.values import COMPARE, UNKNOWN, Native, Stage, Unknown, UrlDatabase, known


class Comparisons(Expressions):
    """Adds `and`, `or` and comparisons to the expressions."""

    def _of_boolop(self, node: ast.BoolOp, scope: dict[str, Any]) -> Any:
        wanted = isinstance(node.op, ast.Or)
        unsure = False
        value: Any = UNKNOWN
        asked = next((name for name in self.asked_in(node.values[0], scope) if is_switch(name)), "")
        for part in node.values:
            value = stage(asked, self.value(part, scope)) if wanted else self.value(part, scope)
            if isinstance(value, Unknown | UrlDatabase):
                unsure = True
            elif bool(value) == wanted:
                return value
        return UNKNOWN if unsure else value

    def asked_in(self, node: ast.expr, scope: dict[str, Any]) -> set[str]:
        """Return the variables that an expression depends on."""
        return self.test(node, scope)[1]

    def _of_compare(self, node: ast.Compare, scope: dict[str, Any]) -> Any:
        left, right = self.value(node.left, scope), self.value(node.comparators[0], scope)
        if len(node.ops) > 1 or isinstance(left, Unknown):
            return UNKNOWN
        if None in (left, right) and isinstance(node.ops[0], ast.Eq | ast.NotEq):
            left, right = self.staged(node, left, right, scope)
        self.spelled(left, right)
        name = type(node.ops[0]).__name__
        if isinstance(right, Native) and right.name == "os.environ":
            self.variables.ask(left)
            return name == "NotIn"
        if isinstance(right, Unknown | Native) or (not known(right) and name not in ("Is", "IsNot")):
            return UNKNOWN
        return self.safely(COMPARE[name], [left, right], {})

    def spelled(self, left: Any, right: Any) -> None:
        """Note how the project spells the name of its production."""
        for one, other in ((left, right), (right, left)):
            if isinstance(one, Stage) and type(other) is str and one == other:
                for name in filter(is_switch, self.variables.touched):
                    self.variables.stages.setdefault(name, other)

    def staged(self, node: ast.Compare, left: Any, right: Any, scope: dict[str, Any]) -> tuple[Any, Any]:
        """Compare an unset variable that names the environment as a deploy sets it."""
        sides = []
        for side, value in ((node.left, left), (node.comparators[0], right)):
            switched = value is None and any(map(is_switch, self.asked_in(side, scope)))
            sides.append(Stage("production") if switched else value)
        return sides[0], sides[1]


def demanded_engine(test: ast.expr) -> str:
    """Return the database engine without which a condition, whose branch raises, is true; "" for any other condition."""
    if not isinstance(test, ast.Compare) or not isinstance(test.ops[0], ast.NotEq | ast.NotIn):
        return ""
    sides = [test.left, *test.comparators]
    texts = [part.value for side in sides for part in ast.walk(side) if isinstance(part, ast.Constant)]
    engines = [text for text in texts if isinstance(text, str) and ".backends." in text]
    return engines[0] if engines and "ENGINE" in ast.unparse(test) else ""
