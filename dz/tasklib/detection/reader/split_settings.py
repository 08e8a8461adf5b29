"""django-split-settings: `include` runs further files in the scope of the module that asks."""

import fnmatch
from typing import Any

from dz.tasklib.detection.paths import folder_of, joined
from dz.tasklib.detection.reader.evaluator import Evaluator
from dz.tasklib.detection.reader.stages import PRODUCTION
from dz.tasklib.detection.reader.values import UNKNOWN, Scope


def include(evaluator: Evaluator, patterns: list[Any], scope: Scope) -> Any:
    """Run the files that match, each once; for production there is one, however its file is called."""
    asking = evaluator.path
    for pattern in patterns:
        wanted = joined(folder_of(asking), pattern) if isinstance(pattern, str) else ""
        stem = wanted.rpartition("/")[2].removesuffix(".py")
        if stem in PRODUCTION and not evaluator.tree.has(wanted):
            wanted = wanted.replace(f"{stem}.py", "pr*d*.py")
        for path in sorted(fnmatch.filter(evaluator.tree.files, wanted)):
            module = evaluator.tree.module(path)
            if module is not None and path not in evaluator.loaded:
                evaluator.loaded[path] = scope
                with evaluator.inside(path, evaluator.module):
                    evaluator.block(module.body, scope)
    return UNKNOWN
