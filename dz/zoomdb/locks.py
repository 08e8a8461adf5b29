"""Kinds of advisory locks in zoomdb."""

DEPLOY = 1
"""One deploy per project at a time; the number is the project's id."""
JOB = 2
"""Held while a job runs; a running job whose lock is free has died. The number is the job's id."""
HOOKS = 3
"""Release hooks of a project run one after another; the number is the project's id."""
PLACEMENT = 4
"""Placement decisions are made one after another; the number is 0."""
PROXY = 5
"""One writer of a proxy's configuration; the number is the server row's id."""
