"""Works out from a work tree how a Django project is deployed, without running any of it.

Start with `inspection`: it finds the project (`roots`, `settings`), has the settings read (`reader`) and asks `answers`
all its questions, most of which have a file of their own.
"""

from dz.tasklib.detection.inspection import environment_of, inspect
from dz.tasklib.detection.model import Guess, Inspection, Risk, Variable

__all__ = ["Guess", "Inspection", "Risk", "Variable", "environment_of", "inspect"]
