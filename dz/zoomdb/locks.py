"""Kinds of advisory locks in zoomdb."""

JOB = 2
"""One process runs a job at a time; the number is the job's id. Who may change a project is up to `jobs/turns.py`."""
HOOKS = 3
"""Release hooks of a project run one after another; the number is the project's id."""
PLACEMENT = 4
"""Placement decisions are made one after another; the number is 0."""
PROXY = 5
"""One writer of a proxy's configuration; the number is the server row's id."""
