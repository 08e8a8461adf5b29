"""Where bundles are kept: an S3 bucket, or a folder.

Keys: `layers/<sha256>.tar.zst` and `bundles/<sysid>/<name>.json`.
"""

import contextlib
import datetime as dt
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO, Protocol, cast

import boto3
from boto3.s3.transfer import TransferConfig
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from dz.adapters import files
from dz.adapters.archive import Layer
from dz.adapters.stored_files import (
    LAYERS,
    REBUILD,
    as_json,
    checked,
    layer_key,
    layer_of,
    manifest_key,
    write_verified,
)
from dz.errors import BundleMissing, ChecksumMismatch, ServiceUnavailable, StoreRefused

__all__ = ["BundleStore", "DirectoryBundleStore", "S3BundleStore", "layer_key", "manifest_key"]

_CHUNK = 1024**2


class BundleStore(Protocol):
    """Keeps layers, by their content, and manifests, by name."""

    def ensure(self) -> None:
        """Create the bucket or folder if it is missing."""
        ...

    def put_layer(self, archive: Path, layer: Layer) -> bool:
        """Store a layer unless one of the same size is there, and return whether it was stored.

        Raises:
            ChecksumMismatch: the stored object differs in size from the layer.
        """
        ...

    def get_layer(self, layer: Layer, target: Path) -> None:
        """Write a layer to `target`, which appears complete and verified or not at all.

        The file is not synced, so a power failure may lose it again.

        Raises:
            BundleMissing: the store does not hold it.
            ChecksumMismatch: what the store holds is not this layer.
        """
        ...

    def put_manifest(self, key: str, manifest: dict[str, Any]) -> None:
        """Store a manifest as JSON."""
        ...

    def get_manifest(self, key: str) -> dict[str, Any]:
        """Return a manifest; BundleMissing if there is none."""
        ...

    def delete(self, key: str) -> None:
        """Delete an object; no-op if it is already gone."""
        ...

    def layers_before(self, moment: dt.datetime) -> list[str]:
        """Return the sha256 of every layer that was stored before a moment; uploads that were broken off go."""
        ...


class S3BundleStore:
    """Bundles in a bucket of an S3 service; every call raises ServiceUnavailable if the service does not answer.

    Args:
        endpoint: URL of the service; None: Amazon's.
        connect_timeout: seconds to wait for a connection; answers may take ten times as long.
        certificate: a file of the only certificates that are trusted; None: those of the system.
    """

    def __init__(
        self,
        endpoint: str | None,
        bucket: str,
        region: str,
        access_key: str | None,
        secret_key: str | None,
        *,
        connect_timeout: float = 5,
        certificate: Path | None = None,
    ) -> None:
        self._bucket = bucket
        self._region = region
        self._place = f"{endpoint or 'Amazon S3'} (bucket {bucket})"
        self._client = boto3.client(
            "s3",
            endpoint_url=endpoint,
            region_name=region,
            aws_access_key_id=access_key,
            aws_secret_access_key=secret_key,
            verify=str(certificate) if certificate else None,
            config=Config(
                connect_timeout=connect_timeout,
                read_timeout=connect_timeout * 10,
                retries={"mode": "standard", "total_max_attempts": 3},
                signature_version="s3v4",
                s3={"addressing_style": "path" if endpoint else "auto"},
                request_checksum_calculation="when_required",
                response_checksum_validation="when_required",
            ),
        )

    def ensure(self) -> None:
        """Create the bucket if it is missing."""
        with self._named_errors("the bucket"):
            try:
                self._client.head_bucket(Bucket=self._bucket)
            except ClientError as error:
                if _status(error) != 404:
                    raise
                place: dict[str, Any] = {"LocationConstraint": self._region}
                options = {} if self._region == "us-east-1" else {"CreateBucketConfiguration": place}
                self._client.create_bucket(Bucket=self._bucket, **options)  # type: ignore[arg-type]

    def put_layer(self, archive: Path, layer: Layer) -> bool:
        """Upload a layer unless one of the same size is there; multipart above 64 MiB."""
        key = layer_key(layer.sha256)
        if self._size(key) == layer.size:
            return False
        with self._named_errors(key), archive.open("rb") as file:
            parts = TransferConfig(multipart_threshold=64 * _CHUNK, multipart_chunksize=32 * _CHUNK, max_concurrency=4)
            self._client.upload_fileobj(file, self._bucket, key, Config=parts)
        stored = self._size(key)
        if stored != layer.size:
            raise ChecksumMismatch(
                f"{self._place} stored {stored} bytes of layer {key}, which has {layer.size}.",
                "Run the build again; if it happens again, look at the bundle store and at the network to it.",
            )
        return True

    def get_layer(self, layer: Layer, target: Path) -> None:
        """Download a layer to `target`, verified."""
        key = layer_key(layer.sha256)
        with self._named_errors(key):
            body = self._client.get_object(Bucket=self._bucket, Key=key)["Body"]
            write_verified(body.iter_chunks(_CHUNK), layer, target, self._place)

    def put_manifest(self, key: str, manifest: dict[str, Any]) -> None:
        """Store a manifest as JSON."""
        with self._named_errors(key):
            self._client.put_object(
                Bucket=self._bucket, Key=checked(key), Body=as_json(manifest), ContentType="application/json"
            )

    def get_manifest(self, key: str) -> dict[str, Any]:
        """Return a manifest; BundleMissing if there is none."""
        with self._named_errors(key):
            body = self._client.get_object(Bucket=self._bucket, Key=checked(key))["Body"]
            return cast("dict[str, Any]", json.loads(body.read()))

    def delete(self, key: str) -> None:
        """Delete an object; no-op if it is already gone."""
        with contextlib.suppress(BundleMissing), self._named_errors(key):
            self._client.delete_object(Bucket=self._bucket, Key=checked(key))

    def layers_before(self, moment: dt.datetime) -> list[str]:
        """Return the layers that were stored before a moment, and end uploads that were broken off before it."""
        with self._named_errors("its list of layers"):
            pages = self._client.get_paginator("list_objects_v2").paginate(Bucket=self._bucket, Prefix=LAYERS)
            entries = [entry for page in pages for entry in page.get("Contents", [])]
        with contextlib.suppress(ClientError):  # not every service has them
            for part in self._client.list_multipart_uploads(Bucket=self._bucket).get("Uploads", []):
                if part["Initiated"] < moment:
                    self._client.abort_multipart_upload(Bucket=self._bucket, Key=part["Key"], UploadId=part["UploadId"])
        old = [layer_of(entry["Key"]) for entry in entries if entry["LastModified"] < moment]
        return [sha256 for sha256 in old if sha256]

    def _size(self, key: str) -> int | None:
        try:
            with self._named_errors(key):
                return self._client.head_object(Bucket=self._bucket, Key=key)["ContentLength"]
        except BundleMissing:
            return None

    @contextlib.contextmanager
    def _named_errors(self, what: str) -> Iterator[None]:
        try:
            yield
        except ClientError as error:
            status = _status(error)
            if status == 404:
                raise BundleMissing(f"{self._place} does not hold {what}.", REBUILD) from error
            if status < 500:
                said = error.response.get("Error", {}).get("Code", status)
                raise StoreRefused(
                    f"The bundle store {self._place} refused access to {what}: {said}.",
                    "Check DZ_S3_ACCESS_KEY, DZ_S3_SECRET_KEY, DZ_S3_BUCKET and what that key may do.",
                ) from error
            raise self._unavailable() from error
        except BotoCoreError as error:
            raise self._unavailable() from error

    def _unavailable(self) -> ServiceUnavailable:
        return ServiceUnavailable(
            f"The bundle store {self._place} does not answer.",
            "Check that it runs and that this server can reach it; `dz status` shows the local one.",
        )


class DirectoryBundleStore:
    """Bundles in a folder that all servers see (one machine, or a shared file system)."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def ensure(self) -> None:
        """Create the folder if it is missing."""
        self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)

    def put_layer(self, archive: Path, layer: Layer) -> bool:
        """Copy a layer unless one of the same size is there."""
        target = self._folder / layer_key(layer.sha256)
        if target.is_file() and target.stat().st_size == layer.size:
            return False
        with archive.open("rb") as file:
            write_verified(iter(lambda: file.read(_CHUNK), b""), layer, target, str(archive), lasting=True)
        return True

    def get_layer(self, layer: Layer, target: Path) -> None:
        """Copy a layer to `target`, verified."""
        with self._open(layer_key(layer.sha256)) as file:
            write_verified(iter(lambda: file.read(_CHUNK), b""), layer, target, str(self._folder))

    def put_manifest(self, key: str, manifest: dict[str, Any]) -> None:
        """Store a manifest as JSON."""
        target = self._folder / checked(key)
        target.parent.mkdir(parents=True, exist_ok=True)
        files.write(target, as_json(manifest), mode=0o644)

    def get_manifest(self, key: str) -> dict[str, Any]:
        """Return a manifest; BundleMissing if there is none."""
        with self._open(checked(key)) as file:
            return cast("dict[str, Any]", json.load(file))

    def delete(self, key: str) -> None:
        """Delete an object; no-op if it is already gone."""
        (self._folder / checked(key)).unlink(missing_ok=True)

    def layers_before(self, moment: dt.datetime) -> list[str]:
        """Return the layers that were stored before a moment."""
        paths = (self._folder / LAYERS).glob("*")
        old = [path for path in paths if path.stat().st_mtime < moment.timestamp()]
        return [sha256 for path in old if (sha256 := layer_of(f"{LAYERS}{path.name}"))]

    def _open(self, key: str) -> BinaryIO:
        try:
            return (self._folder / key).open("rb")
        except FileNotFoundError as error:
            raise BundleMissing(f"{self._folder} does not hold {key}.", REBUILD) from error


def _status(error: ClientError) -> int:
    return int(error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 500))
