"""The team's store: S3 or a folder, both through Django's storage interface under the alias "exports".

Every fault of the store comes out as StoreTrouble with words for people; `passes` says whether
trying again later can help.
"""

import errno
import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from boto3.exceptions import Boto3Error
from botocore.exceptions import BotoCoreError, ClientError, NoCredentialsError, ParamValidationError
from django.conf import settings
from django.core.exceptions import SuspiciousOperation
from django.core.files.base import ContentFile
from django.core.files.storage import FileSystemStorage, Storage, storages

CHUNK = 1 << 18
ALIAS = "exports"
_FAULTS = {
    "NoSuchBucket": "There is no bucket of this name. Create it, or correct EXPORT_BUCKET.",
    "AccessDenied": "The store denies access. Check what the key may do in this bucket.",
    "InvalidAccessKeyId": "The store does not know the access key. Check AWS_ACCESS_KEY_ID.",
    "SignatureDoesNotMatch": "The store rejects the signature. Check AWS_SECRET_ACCESS_KEY.",
    "ExpiredToken": "The access to the store has expired. Renew the AWS variables.",
    "QuotaExceeded": "The store is full.",
    "EntityTooLarge": "The store does not take a file of this size.",
}


class StoreTrouble(Exception):
    """The store could not do it. The message is for people; `passes`: it may work later without anybody's doing."""

    def __init__(self, message: str, *, passes: bool) -> None:
        super().__init__(message)
        self.passes = passes


def export_store() -> Storage:
    """The storage that exports go to."""
    return storages[ALIAS]


def destination() -> str:
    """Bucket or folder, for people."""
    store = export_store()
    bucket = getattr(store, "bucket_name", "")
    if bucket:
        return f"Bucket {bucket}"[:200]
    if isinstance(store, FileSystemStorage):
        location, house = Path(store.location), Path(settings.VAR_DIR)
        inside = f"{house.name}/{location.relative_to(house)}" if house in location.parents else location.name
        return f"Folder {inside}"[:200]
    return type(store).__name__


def put_once(*, name: str, content: bytes, media_type: str) -> None:
    """Store an object under exactly this name. One with the same content is left as it is. Raises StoreTrouble.

    A different content under the name is what an interrupted upload left: folders of exports are
    never used twice, so it is ours and is replaced.
    """
    store = export_store()
    with _in_words():
        if store.exists(name):
            if _hash(store, name) == hashlib.sha256(content).hexdigest():
                return
            store.delete(name)
        file = ContentFile(content, name=name)
        file.content_type = media_type  # type: ignore[attr-defined]
        saved = store.save(name, file)
    if saved.replace("\\", "/") != name:
        raise StoreTrouble("The store gave the file another name, so somebody else is writing there.", passes=False)


def read_back(name: str) -> str:
    """SHA-256 of the object as the store gives it back, "" where there is none. Raises StoreTrouble."""
    with _in_words():
        try:
            return _hash(export_store(), name)
        except FileNotFoundError:
            return ""


def stream(name: str) -> Iterator[bytes]:
    """The object in pieces. Raises StoreTrouble, also where it is gone."""
    with _in_words(), export_store().open(name, "rb") as file:
        while piece := file.read(CHUNK):
            yield piece


def _hash(store: Storage, name: str) -> str:
    digest = hashlib.sha256()
    with store.open(name, "rb") as file:
        while piece := file.read(CHUNK):
            digest.update(piece)
    return digest.hexdigest()


@contextmanager
def _in_words() -> Iterator[None]:
    try:
        yield
    except ClientError as error:
        raise _of_answer(error) from error
    except NoCredentialsError as error:
        raise StoreTrouble(
            "There are no AWS keys. Set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY.", passes=False
        ) from error
    except ParamValidationError as error:
        raise StoreTrouble("The name of the bucket is not valid. Correct EXPORT_BUCKET.", passes=False) from error
    except (BotoCoreError, Boto3Error) as error:
        raise StoreTrouble("The store does not answer.", passes=True) from error
    except FileNotFoundError as error:
        raise StoreTrouble("The file is no longer in the store.", passes=False) from error
    except SuspiciousOperation as error:
        raise StoreTrouble("The store refuses a file of this name.", passes=False) from error
    except OSError as error:
        raise _of_disk(error) from error


def _of_answer(error: ClientError) -> StoreTrouble:
    code = str(error.response.get("Error", {}).get("Code", ""))
    status = int(error.response.get("ResponseMetadata", {}).get("HTTPStatusCode") or 0)
    if code in _FAULTS:
        return StoreTrouble(_FAULTS[code], passes=False)
    if status == 403:  # a HEAD brings no code
        return StoreTrouble(_FAULTS["AccessDenied"], passes=False)
    if status >= 500 or status == 429 or code in {"SlowDown", "RequestTimeout", "Throttling"}:
        return StoreTrouble("The store is busy or down at the moment.", passes=True)
    return StoreTrouble(f"The store refused the file ({code or status}).", passes=False)


def _of_disk(error: OSError) -> StoreTrouble:
    if error.errno == errno.ENOSPC:
        return StoreTrouble("The disk is full. Make room.", passes=True)
    if error.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
        return StoreTrouble("The folder for exports cannot be written. Check its permissions.", passes=False)
    return StoreTrouble("The store could not be reached.", passes=True)
