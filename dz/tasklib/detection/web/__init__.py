"""What the owner wrote about the web process: start commands, variables and files of gunicorn, uWSGI and their like.

Start with `process.py`, which puts the answers together. `commands.py` finds the start command, `shell.py` splits it,
`options.py` reads the options of each server, `files.py` and `evaluated.py` their configuration files. Nothing is run.
"""
