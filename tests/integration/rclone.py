"""A real S3 server, and the store that uses it."""

import os
import secrets
import signal
import socket
import subprocess
import sysconfig
import time
from pathlib import Path

from dz.adapters.bundle_store import S3BundleStore

BUCKET = "bundles"
KEYS = ("dz-test-access", secrets.token_hex(16))


class RcloneS3:
    """A real S3 server over a folder; it can be stopped and started again on its port."""

    def __init__(self, folder):
        self.folder = folder
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        self.endpoint = f"http://127.0.0.1:{self.port}"
        self.process = None

    def start(self):
        program = Path(sysconfig.get_path("scripts")) / "rclone"
        env = {"PATH": os.environ["PATH"], "HOME": str(self.folder), "RCLONE_AUTH_KEY": f'"{",".join(KEYS)}"'}
        argv = [program, "serve", "s3", "--addr", f"127.0.0.1:{self.port}", "--vfs-cache-mode", "off", self.folder]
        self.process = subprocess.Popen(argv, env=env, stderr=subprocess.DEVNULL)
        for _ in range(200):
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", self.port)) == 0:
                    return
            assert self.process.poll() is None, "rclone ended"
            time.sleep(0.05)
        raise AssertionError("rclone did not start")

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(10)


def s3_store(server, **changes):
    values = {"endpoint": server.endpoint, "bucket": BUCKET, "region": "us-east-1"}
    values |= {"access_key": KEYS[0], "secret_key": KEYS[1], "connect_timeout": 2} | changes
    return S3BundleStore(**values)
