"""Requirements of a folder, collected for one interpreter."""

import dataclasses
from pathlib import Path

from dz.adapters.interpreters import Interpreter
from dz.tasklib.virtualenvs import collection
from tests.manifests import PLAN

PYTHON = Interpreter((3, 11, 2), Path("/usr/bin/python3.11"))


def collect(root, *files, extra=(), project_root=".", **kwargs):
    plan = dataclasses.replace(
        PLAN, project_root=project_root, dependency_files=files or ("requirements.txt",), extra_requirements=extra
    )
    return collection.collect(plan, root, interpreter=PYTHON, **kwargs)


def lines_of(root, text):
    (root / "requirements.txt").write_text(text)
    return collect(root).lines
