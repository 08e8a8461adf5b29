"""`python -m dz.cli`: the program `dz`."""

import sys

from dz.cli.main import run

if __name__ == "__main__":
    sys.exit(run(sys.argv[1:]))
