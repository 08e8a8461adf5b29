"""Committed files of variables: `.env`, and settings.ini of python-decouple."""

import configparser
from pathlib import PurePosixPath
from typing import Any

from dz.tasklib.detection.paths import folder_of, joined
from dz.tasklib.detection.reader.evaluator import Evaluator


def read(evaluator: Evaluator, args: list[Any]) -> None:
    """Take the names that a file such as `.env` sets.

    Args:
        args: the arguments of the call that reads it; without a path, `.env` beside the project or the settings.
    """
    named = [str(arg).strip("/") for arg in args if isinstance(arg, str | PurePosixPath)]
    usual = [joined(evaluator.home, ".env"), joined(folder_of(evaluator.path), ".env")]
    for path in named or dict.fromkeys(usual):
        for line in (evaluator.tree.text(path) or "").splitlines():
            name = line.removeprefix("export ").partition("=")[0].strip()
            if name.isidentifier():
                evaluator.variables.dotenv.add(name)


def read_ini(evaluator: Evaluator) -> None:
    """Take the names that settings.ini sets beside the settings or the project."""
    for folder in dict.fromkeys([folder_of(evaluator.path), evaluator.home]):
        parser = configparser.ConfigParser(interpolation=None, strict=False)
        parser.optionxform = str  # type: ignore[assignment,method-assign]
        try:
            parser.read_string(evaluator.tree.text(joined(folder, "settings.ini")) or "")
        except configparser.Error:
            continue
        if parser.has_section("settings"):
            evaluator.variables.dotenv.update(parser.options("settings"))
