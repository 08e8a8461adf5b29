"""`python -m infra.local.s3_server RCLONE ARGUMENT...` becomes rclone, with its keys as rclone reads them.

rclone reads the variable as a line of CSV, so the pair needs quotation marks, which supervisord's configuration cannot
hold.
"""

import os
import sys


def main(argv: list[str]) -> None:
    """Replace this process by the program `argv`."""
    keys = os.environ.pop("DZ_LOCAL_S3_KEYS")
    os.execve(argv[0], argv, {**os.environ, "RCLONE_AUTH_KEY": f'"{keys}"'})  # noqa: S606  no shell is the point


if __name__ == "__main__":
    main(sys.argv[1:])
