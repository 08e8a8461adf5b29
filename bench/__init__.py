"""`dz bench`: how long a deploy takes, compared with a script that a good engineer writes by hand.

Start with `cases.py`, which says what is measured; `ours.py` drives the running stack, and `floor.py` runs the script,
`floor.sh`. `scale.py` is `dz bench --scale`.
"""
