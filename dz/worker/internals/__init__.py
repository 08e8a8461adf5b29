"""The only room that knows Prefect's private names, one file per hook.

A hook says in its docstring what it is for and what it saves, and lists in `NAMES` what it relies on. `hooks` checks
those lists when a worker starts: a hook that misses a name is reported and left out, and Prefect does as it would.
"""
