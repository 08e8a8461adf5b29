"""The work itself, a room per noun: functions that take values and adapters and return values.

Look for the noun first: the docstring of its room says which file to open. Nothing here imports Prefect, flows, tasks
or `dz.wiring`; the import contracts in pyproject.toml say which room may import which.
"""
