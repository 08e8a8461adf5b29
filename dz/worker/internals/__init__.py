"""The only room that knows Prefect's private names, one file per hook.

A hook's docstring says what it is for and what it saves; its `NAMES` lists what it relies on. Start with `hooks.py`,
which checks those lists when a worker starts: a hook that misses a name is reported and left out, and Prefect then
behaves as it does without the hook.
"""
