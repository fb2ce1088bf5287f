"""Music in S3-compatible storage, through aiobotocore (the extra `s3`).

An upload is a multipart upload whose parts are its chunks. A part's number follows from its offset, so no
server needs to remember anything: S3 itself knows which multipart upload is open for a key.
"""

import hashlib
import tempfile
from base64 import b64encode
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from pathlib import Path
from typing import IO, Any
from urllib.parse import parse_qs, unquote, urlsplit

from aiobotocore.config import AioConfig
from aiobotocore.session import get_session
from botocore.exceptions import BotoCoreError, ClientError, HTTPClientError

from tutti.errors import Conflict, StorageFull, Unavailable
from tutti.storage import (
    BLOCK,
    Room,
    Signed,
    Stored,
    Written,
    checked,
    full_disk_is_a_problem,
    in_blocks,
    in_thread,
)
from tutti.text import _

LEAST_PART = 5 * 1024**2
"""S3's own minimum for every part but the last, in bytes."""
CONNECT_TIMEOUT_S = 3
READ_TIMEOUT_S = 30
_MISSING = {"NoSuchKey", "NoSuchUpload", "404", "NotFound"}
_CHANGED = {"PreconditionFailed", "412"}


class StorageAway(Unavailable):
    """The S3-compatible storage refuses or does not answer (F12)."""

    sentence = _("The music storage is not answering; please try again in a moment.")


class ObjectChanged(Conflict):
    """Somebody wrote to the object between reading and finishing it."""

    sentence = _("The file changed while it was being checked; please upload it again.")


class S3Storage:
    """One bucket, or the part of it below a prefix."""

    least_part = LEAST_PART

    def __init__(self, bucket: str, *, prefix: str = "", **client_options: Any) -> None:
        self._bucket = bucket
        self._prefix = prefix
        self._options = client_options
        self._stack = AsyncExitStack()
        self._opened: Any = None
        self._read: dict[str, str] = {}
        """ETags of incoming objects that `local_path` gave out, until they are finished or deleted."""

    @classmethod
    def from_url(cls, url: str) -> "S3Storage":
        """Read s3://[key:secret@]bucket[/prefix][?endpoint=…&region=…]; botocore finds a missing key."""
        parts = urlsplit(url)
        asked = {name: values[-1] for name, values in parse_qs(parts.query).items()}
        options: dict[str, Any] = {
            "endpoint_url": asked.get("endpoint"),
            "region_name": asked.get("region", "us-east-1"),
        }
        if parts.username:
            options["aws_access_key_id"] = unquote(parts.username)
            options["aws_secret_access_key"] = unquote(parts.password or "")
        prefix = parts.path.strip("/")
        return cls(parts.hostname or "", prefix=f"{prefix}/" if prefix else "", **options)

    async def begin(self, key: str) -> None:
        """Open the one multipart upload of this key."""
        client = await self._client()
        with _s3_errors():
            await client.create_multipart_upload(**self._at(key))

    async def write_at(self, key: str, offset: int, body: AsyncIterator[bytes], limit: int) -> Written:
        """Gather the part on local disk first: S3 wants its length and MD5 before its first byte."""
        multipart = await self._open_multipart(key)
        if multipart is None:
            raise FileNotFoundError(key)
        digest, md5, size = hashlib.sha256(), hashlib.md5(usedforsecurity=False), 0
        with tempfile.TemporaryFile() as spool:
            async for block in in_blocks(body, limit):
                await in_thread(_keep, spool, block)
                digest.update(block)
                md5.update(block)
                size += len(block)
            spool.seek(0)
            with _s3_errors():
                await (await self._client()).upload_part(
                    **self._at(key),
                    UploadId=multipart,
                    PartNumber=offset // LEAST_PART + 1,
                    Body=spool,
                    ContentLength=size,
                    ContentMD5=b64encode(md5.digest()).decode(),
                )
        return Written(size, digest.digest())

    async def seal(self, key: str) -> None:
        """Complete the multipart upload. One that is complete already, or a single PUT, is left as it is."""
        multipart = await self._open_multipart(key)
        if multipart is None:
            if await self.size(key) is None:
                raise FileNotFoundError(key)
            return
        client = await self._client()
        with _s3_errors():
            pages = client.get_paginator("list_parts").paginate(**self._at(key), UploadId=multipart)
            parts = [part async for page in pages for part in page.get("Parts", [])]
            names = [{"PartNumber": part["PartNumber"], "ETag": part["ETag"]} for part in parts]
            await client.complete_multipart_upload(
                **self._at(key), UploadId=multipart, MultipartUpload={"Parts": names}
            )

    async def finish(self, key_from: str, key_to: str) -> None:
        """S3 cannot rename: it copies inside itself, no byte passes here, and the old key is dropped.

        Only the very object that `local_path` showed is copied: a presigned URL can be used a second time,
        and what was checked must be what is kept. Not every S3 heeds the condition, so it is asked before.
        """
        client, seen = await self._client(), self._read.pop(key_from, None)
        only_if = {"CopySourceIfMatch": seen} if seen else {}
        with _s3_errors():
            head = await client.head_object(**self._at(key_from))
            if seen and head["ETag"] != seen:
                raise ObjectChanged
            await client.copy_object(**self._at(key_to), CopySource=self._at(key_from), **only_if)
            await client.delete_object(**self._at(key_from))

    async def size(self, key: str) -> int | None:
        """The object's length; None also while its multipart upload is open."""
        try:
            with _s3_errors():
                head = await (await self._client()).head_object(**self._at(key))
        except FileNotFoundError:
            return None
        return int(head["ContentLength"])

    async def read(self, key: str, start: int = 0, length: int | None = None) -> AsyncIterator[bytes]:
        """Blocks of one ranged GET."""
        if length == 0:
            return
        last = "" if length is None else start + length - 1
        client = await self._client()
        with _s3_errors():
            found = await client.get_object(**self._at(key), Range=f"bytes={start}-{last}")
        async for block in _blocks(found):
            yield block

    async def delete(self, key: str) -> None:
        """Abort what is open, delete what is there."""
        client = await self._client()
        self._read.pop(key, None)
        while (multipart := await self._open_multipart(key)) is not None:
            with _s3_errors():
                await client.abort_multipart_upload(**self._at(key), UploadId=multipart)
        with _s3_errors():
            await client.delete_object(**self._at(key))

    @asynccontextmanager
    async def local_path(self, key: str) -> AsyncIterator[Path]:
        """A copy in the temporary folder, gone when the context ends."""
        client = await self._client()
        with _s3_errors():
            found = await client.get_object(**self._at(key))
        with tempfile.NamedTemporaryFile(prefix="tutti-") as copy:
            async for block in _blocks(found):
                await in_thread(_keep, copy, block)
            copy.flush()
            self._read[key] = found["ETag"]
            yield Path(copy.name)

    async def stored(self, prefix: str) -> AsyncIterator[Stored]:
        """Objects, then multipart uploads that are still open (they count as size 0)."""
        client, here = await self._client(), {"Bucket": self._bucket, "Prefix": self._prefix + prefix}
        with _s3_errors():
            async for page in client.get_paginator("list_objects_v2").paginate(**here):
                for each in page.get("Contents", []):
                    yield Stored(self._ours(each["Key"]), each["Size"], each["LastModified"])
            async for page in client.get_paginator("list_multipart_uploads").paginate(**here):
                for each in page.get("Uploads", []):
                    yield Stored(self._ours(each["Key"]), 0, each["Initiated"])

    async def room(self) -> Room | None:
        """None: a bucket has no end that it would tell."""
        return None

    async def signed_put(self, key: str, size: int, content_type: str, life_s: int) -> Signed | None:
        """A presigned PUT whose signature covers length and type (R34)."""
        url = await (await self._client()).generate_presigned_url(
            "put_object",
            Params={**self._at(key), "ContentLength": size, "ContentType": content_type},
            ExpiresIn=life_s,
        )
        return Signed(url, "PUT", {"Content-Type": content_type, "Content-Length": str(size)})

    async def close(self) -> None:
        """Close the connections to S3."""
        self._opened = None
        await self._stack.aclose()

    async def _client(self) -> Any:
        """The client of this process, opened at first use."""
        if self._opened is None:
            config = AioConfig(
                connect_timeout=CONNECT_TIMEOUT_S,
                read_timeout=READ_TIMEOUT_S,
                retries={"total_max_attempts": 2, "mode": "standard"},
                signature_version="s3v4",
                # Content-MD5 is sent where it matters; not every S3-compatible server knows the newer ones.
                request_checksum_calculation="when_required",
                response_checksum_validation="when_required",
                s3={"addressing_style": "path" if self._options.get("endpoint_url") else "auto"},
            )
            made = get_session().create_client("s3", config=config, **self._options)
            self._opened = await self._stack.enter_async_context(made)
        return self._opened

    async def _open_multipart(self, key: str) -> str | None:
        whole = self._at(key)["Key"]
        with _s3_errors():
            page = await (await self._client()).list_multipart_uploads(Bucket=self._bucket, Prefix=whole)
        found = [each for each in page.get("Uploads", []) if each["Key"] == whole]
        return min(found, key=lambda each: each["Initiated"])["UploadId"] if found else None

    def _at(self, key: str) -> dict[str, str]:
        return {"Bucket": self._bucket, "Key": self._prefix + checked(key)}

    def _ours(self, key: str) -> str:
        return key.removeprefix(self._prefix)


async def _blocks(found: dict[str, Any]) -> AsyncIterator[bytes]:
    """The body of an answer to GET."""
    with _s3_errors():
        async with found["Body"] as body:
            async for block in body.iter_chunks(BLOCK):
                yield block


def _keep(file: IO[bytes], block: bytes) -> None:
    with full_disk_is_a_problem():
        file.write(block)


@contextmanager
def _s3_errors() -> Iterator[None]:
    """What S3 says, in the words of `tutti.storage.Storage`."""
    try:
        yield
    except ClientError as error:
        code = str(error.response.get("Error", {}).get("Code", ""))
        status = int(error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 500))
        if code in _MISSING:
            raise FileNotFoundError(code) from error
        if code in _CHANGED:
            raise ObjectChanged from error
        if status == StorageFull.status:
            raise StorageFull(retry_after=60) from error
        raise StorageAway(retry_after=5) from error
    except (HTTPClientError, BotoCoreError, OSError, TimeoutError) as error:
        if isinstance(error, FileNotFoundError):
            raise
        raise StorageAway(retry_after=5) from error
