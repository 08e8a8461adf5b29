"""What a server needs to take a role, and the embedded local stack.

`bootstrap.py` sets up the virtualenv for `bin/dz`, `checks.py` is `dz test`, and `local` is the stack behind `dz up`.
"""
