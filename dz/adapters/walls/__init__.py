"""The walls around code of project owners: its own namespaces, and the few ways through them.

Begin with `confinement.py`, which says what a program sees and reaches. `launcher.py` puts it up: it starts bubblewrap,
passes connections through (`passages.py`, `egress.py`) and ends everything with the program. `inside.py` is the first
program within; it prepares the network there and becomes the project's program.
"""
