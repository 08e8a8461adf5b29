"""`launch.py FILE [DOOR NAME]` launches what a file of `Confinement.to_json` says; a program of its own, see `launcher.py`."""

import os
import sys
from pathlib import Path

if __name__ == "__main__":
    parent = os.getppid()
    sys.path[:0] = [str(Path(__file__).parents[3])]  # its interpreter looks nowhere else
    from dz.adapters.walls import launcher

    launcher.launch(Path(sys.argv[1]), sys.argv[2:], parent=parent)
