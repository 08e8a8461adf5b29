"""`dz inspect PATH`: what static inspection reads from a work tree."""

import json
import sys
from pathlib import Path

from dz.tasklib.detection import inspect
from dz.tasklib.detection.wording import text


def inspect_command(path: Path, as_json: bool) -> int:
    """Print what is read from the work tree at `path`; return 0 if it is a Django project, 1 if not, 2 if no folder."""
    if not path.is_dir():
        print(f"{path} is not a folder.\n  What to do: give the folder of a work tree.", file=sys.stderr)  # noqa: T201
        return 2
    found = inspect(path)
    data = found.to_json()
    if as_json:
        print(json.dumps(data, indent=1, default=str))  # noqa: T201
    else:
        for field, value in data.items():
            if field in ("environment", "risks"):
                for one in value:
                    print(f"{field:20} {text(one)}  ({one['basis']})")  # noqa: T201
            elif field != "guesses" and value not in (None, "", (), False):
                print(f"{field:20} {text(value)}")  # noqa: T201
    return 0 if found.is_django else 1


if __name__ == "__main__":
    if {"-h", "--help"} & set(sys.argv):
        from dz.cli.main import run  # not needed for anything else here, and slow

        sys.exit(run(["inspect", "--help"]))
    words = [word for word in sys.argv[1:] if word != "--json"]
    sys.exit(inspect_command(Path(words[0] if words else "."), "--json" in sys.argv))
