"""The S3 server of a local stack: rclone over a folder."""

import sys
import time
from pathlib import Path
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from dz.errors import ServiceUnavailable
from dz.settings import PROJECT_ROOT
from infra.local.programs import Program


def program(
    *, folder: Path, port: int, access_key: str, secret_key: str, tls: tuple[Path, Path] | None = None
) -> Program:
    """Return how the supervisor runs it; the keys go through the environment, which other users cannot read.

    Args:
        folder: holds the buckets.
        port: on 127.0.0.1.
        tls: certificate and key; None: it speaks plain HTTP.
    """
    folder.mkdir(mode=0o700, exist_ok=True)
    rclone = Path(sys.prefix) / "bin" / "rclone"
    return Program(
        name="s3",
        argv=(
            sys.executable,
            "-m",
            "infra.local.s3_server",
            str(rclone),
            "serve",
            "s3",
            str(folder),
            "--addr",
            f"127.0.0.1:{port}",
            *(("--cert", str(tls[0]), "--key", str(tls[1])) if tls else ()),
        ),
        cwd=folder,
        env={
            "DZ_LOCAL_S3_KEYS": f"{access_key},{secret_key}",
            "RCLONE_CONFIG": "/dev/null",
            "PYTHONPATH": str(PROJECT_ROOT),
        },
        port=port,
    )


def place(settings: dict[str, Any]) -> dict[str, Any]:
    """Return where the server of a stack with these settings is, as arguments of the functions below."""
    names = ("endpoint", "region", "bucket", "access_key", "secret_key", "certificate")
    return {name: settings[f"s3_{name}"] for name in names}


def ensure_bucket(
    *,
    endpoint: str,
    region: str,
    bucket: str,
    access_key: str,
    secret_key: str,
    timeout: float,
    certificate: str | None = None,
) -> None:
    """Wait for the server, and create the bucket if it is missing.

    Args:
        certificate: a file of the only certificate that is trusted; None: those of the system.
        timeout: seconds to wait.

    Raises:
        ServiceUnavailable: it does not answer in that time.
    """
    client = _client(endpoint, region, access_key, secret_key, certificate, seconds=20)
    deadline = time.monotonic() + timeout
    while True:
        try:
            if bucket not in {found["Name"] for found in client.list_buckets()["Buckets"]}:
                client.create_bucket(Bucket=bucket)
            return
        except (BotoCoreError, ClientError) as error:
            if time.monotonic() > deadline:
                raise ServiceUnavailable(
                    f"The S3 server {endpoint} does not answer: {error}", "Read s3.log in the stack's folder of logs."
                ) from error
            time.sleep(0.1)


def refusal(
    *,
    endpoint: str,
    region: str,
    bucket: str,
    access_key: str,
    secret_key: str,
    timeout: float,
    certificate: str | None = None,
) -> str:
    """Ask for the bucket, and return what is wrong; an empty text if it is there.

    Args:
        certificate: a file of the only certificate that is trusted; None: those of the system.
        timeout: seconds to wait.
    """
    try:
        _client(endpoint, region, access_key, secret_key, certificate, seconds=timeout).head_bucket(Bucket=bucket)
    except (BotoCoreError, ClientError) as error:
        return f"does not show its bucket {bucket}: {error}"
    return ""


def _client(
    endpoint: str, region: str, access_key: str, secret_key: str, certificate: str | None, *, seconds: float
) -> Any:
    return boto3.client(
        "s3",
        endpoint_url=endpoint,
        region_name=region,
        aws_access_key_id=access_key,
        aws_secret_access_key=secret_key,
        verify=certificate,
        config=Config(retries={"max_attempts": 0}, connect_timeout=5, read_timeout=seconds, proxies={}),
    )
