"""The processes of a Procfile that are not run, apart from those that detection knows by their commands."""

import re

from dz.tasklib.detection.tree import Tree

_PROCESS = re.compile(r"([A-Za-z0-9_-]+):\s*(\S.*)")
_KNOWN = re.compile(
    r"\bcelery\b|manage\.py\s+(rqworker|qcluster|run_huey|rundramatiq|process_tasks|runworker|db_worker)"
)
"""Commands by which detection knows a background process wherever they stand."""
_DONE = re.compile(r"manage\.py\s+(migrate|collectstatic|compress|compilemessages|check|makemigrations)\b")
"""Commands of a release that a deploy runs itself, or that need not be run on a server."""
_SHOWN = 100


def not_run(tree: Tree) -> list[str]:
    """Say which processes and release commands of the topmost Procfile nobody runs."""
    found = []
    for path in sorted(tree.named("Procfile"), key=lambda path: path.count("/"))[:1]:
        for number, line in enumerate((tree.text(path) or "").splitlines(), 1):
            match = _PROCESS.match(line.strip())
            if not match or match[1] == "web" or _KNOWN.search(match[2]):
                continue
            name, command = match[1], match[2][:_SHOWN]
            if name != "release":
                found.append(f"{path}:{number} names the process {name} ({command}), which is not run: only web is.")
            elif not all(_DONE.search(one) for one in re.split(r"&&|;", match[2])):
                found.append(
                    f"{path}:{number} has the release command {command}, which is not run: name its management commands under "
                    "`hooks` in zoombuild.cfg."
                )
    return found
