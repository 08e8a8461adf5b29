"""Class statements: those of pydantic-settings and of django-configurations are followed, others are UNKNOWN."""

import ast

from dz.tasklib.detection.reader import configurations, pydantic_settings
from dz.tasklib.detection.reader.evaluator import Evaluator, Handlers
from dz.tasklib.detection.reader.pydantic_settings import Fields
from dz.tasklib.detection.reader.values import UNKNOWN, Scope
from dz.tasklib.detection.syntax import source


def _class(evaluator: Evaluator, node: ast.ClassDef, scope: Scope) -> None:
    bases = [scope.get(source(base)) for base in node.bases]
    names = [source(base).rpartition(".")[2] for base in node.bases]
    parents = [base for base in bases if isinstance(base, Fields)]
    classes = [base for base in bases if isinstance(base, dict)]
    if parents or "BaseSettings" in names:
        scope[node.name] = pydantic_settings.fields(evaluator, node, scope, parents)
    elif classes or "Configuration" in names or any(name in scope for name in names):
        scope[node.name] = configurations.namespace(evaluator, node, scope, classes)
    else:
        scope[node.name] = UNKNOWN


STATEMENTS: Handlers = {ast.ClassDef: _class}
