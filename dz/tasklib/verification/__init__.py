"""Proves that a built project loads, in a confined process that runs the settings shim.

Start with `verification.py`. `dry_run.py` runs the process, `reports.py` reads its report, and `shim.py` writes the
files that the process needs, whose source is `dz/shim`. Project code runs only in a `Sandbox`; the room neither reads
nor writes zoomdb.
"""
