"""All files of an export as one zip, made while it is sent: nothing is kept in memory but the piece on its way."""

import zipfile
from collections.abc import Iterator

from review.exports import naming, store
from review.models import Export, ExportFile


class _Outlet:
    """What the zip writes into; it cannot be sought, so sizes follow the data."""

    def __init__(self) -> None:
        self._pieces: list[bytes] = []

    def write(self, piece: bytes) -> int:
        self._pieces.append(bytes(piece))
        return len(piece)

    def flush(self) -> None:
        """Nothing is held back."""

    def take(self) -> bytes:
        """What was written since the last time."""
        taken = b"".join(self._pieces)
        self._pieces.clear()
        return taken


def archive_name(export: Export) -> str:
    """The name of the zip and of the folder inside it."""
    return export.prefix.replace("/", "_")


def stream_archive(export: Export) -> Iterator[bytes]:
    """The zip in pieces: what is verified, and the manifest. Raises StoreTrouble."""
    names = list(export.files.filter(state=ExportFile.State.VERIFIED).values_list("name", flat=True))
    if export.manifest_name:
        names.append(naming.MANIFEST)
    outlet = _Outlet()
    folder = archive_name(export)
    with zipfile.ZipFile(outlet, "w", zipfile.ZIP_STORED) as archive:  # type: ignore[call-overload]
        for name in names:
            # pictures do not get smaller by packing them again
            entry = zipfile.ZipInfo(f"{folder}/{name}", date_time=export.created_at.timetuple()[:6])
            entry.external_attr = 0o644 << 16
            with archive.open(entry, "w") as target:
                for piece in store.stream(f"{export.prefix}/{name}"):
                    target.write(piece)
                    yield outlet.take()
            yield outlet.take()
    yield outlet.take()
