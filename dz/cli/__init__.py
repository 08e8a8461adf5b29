"""The command line `dz`: one file per noun.

Start with `main.py`, which loads the module of the command that was asked for. Commands that start a flow open a job
and follow it (`runs.py`); flows do the work itself. A command's docstring is the help text that users see.
"""
