"""Reads what a Django project is from its work tree, without running any of it."""

from dz.tasklib.detection.inspection import environment_of, inspect
from dz.tasklib.detection.model import Guess, Inspection, Risk, Variable

__all__ = ["Guess", "Inspection", "Risk", "Variable", "environment_of", "inspect"]
