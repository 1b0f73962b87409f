"""From a signature to verified objects: over real HTTP to an S3 server, and into a folder."""

import hashlib
import json
import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.config import Config
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.utils import timezone
from pytest_django import Settings

from review import tasks
from review.exports import deliver, store
from review.exports.deliver import run_export
from review.exports.embedding import read_xmp
from review.models import Export, ExportFile, SignOff
from review.services.exports import (
    NothingToExport,
    find_waiting_exports,
    request_export,
    retry_export,
)
from tests.factories import SignOffFactory, picture

pytestmark = [pytest.mark.django_db, pytest.mark.both_engines]
BUCKET = "brand-finals"
CLIENT = Config(
    s3={"addressing_style": "path"},
    signature_version="s3v4",
    connect_timeout=2,
    read_timeout=10,
    retries={"total_max_attempts": 1},
)


@pytest.fixture
def signature() -> SignOff:
    return SignOffFactory(
        generation__shot__slug="hero",
        generation__shot__campaign__title="Aurora Kopfhörer / Launch",
        generation__shot__campaign__ticket="MKT-2241",
    )


@pytest.fixture
def export(signature: SignOff) -> Export:
    return request_export(campaign=signature.shot.campaign, by=signature.by)


@pytest.fixture
def bucket(settings: Settings, s3_url: str) -> Iterator[Any]:
    """An S3 server with an empty bucket, and the exports going there."""
    use_s3(settings, s3_url)
    bucket = boto3.resource("s3", endpoint_url=s3_url, region_name="us-east-1", config=CLIENT).Bucket(BUCKET)
    bucket.create()
    yield bucket
    bucket.objects.all().delete()
    bucket.delete()


def use_s3(settings: Settings, url: str, *, name: str = BUCKET) -> None:
    options = {"bucket_name": name, "endpoint_url": url, "client_config": CLIENT, "file_overwrite": False}
    settings.STORAGES = {
        **settings.STORAGES,
        "exports": {"BACKEND": "storages.backends.s3.S3Storage", "OPTIONS": options},
    }


def folder_of(export: Export, tmp_path: Path) -> Path:
    return tmp_path / "exports" / export.prefix


def test_into_a_folder_with_names_that_people_can_read(export: Export, tmp_path: Path) -> None:
    assert run_export(export.pk) == "verified"
    export.refresh_from_db()
    assert export.destination.startswith("Folder ")
    names = sorted(path.name for path in folder_of(export, tmp_path).iterdir())
    assert names == [
        "MKT-2241_aurora-kopfhorer-launch_hero_v1.json",
        "MKT-2241_aurora-kopfhorer-launch_hero_v1_original_96x64.png",
        "MKT-2241_aurora-kopfhorer-launch_hero_v1_social_64x64.jpg",
        "MKT-2241_aurora-kopfhorer-launch_hero_v1_story_36x64.jpg",
        "MKT-2241_aurora-kopfhorer-launch_hero_v1_web_96x54.webp",
        "manifest.json",
    ]
    for file in export.files.all():
        content = (folder_of(export, tmp_path) / file.name).read_bytes()
        assert (file.state, file.size) == (ExportFile.State.VERIFIED, len(content))
        assert file.sha256 == hashlib.sha256(content).hexdigest()


def test_into_a_bucket_over_http(bucket: Any, export: Export) -> None:
    assert run_export(export.pk) == "verified"
    export.refresh_from_db()
    objects = {entry.key: entry.get() for entry in bucket.objects.all()}
    assert set(objects) == {f"{export.prefix}/{file.name}" for file in export.files.all()} | {
        f"{export.prefix}/manifest.json"
    }
    types = {key.rpartition(".")[2]: answer["ContentType"] for key, answer in objects.items()}
    assert types == {"png": "image/png", "jpg": "image/jpeg", "webp": "image/webp", "json": "application/json"}
    manifest = json.loads(objects[f"{export.prefix}/manifest.json"]["Body"].read())
    assert hashlib.sha256(json.dumps(manifest, indent=2, ensure_ascii=False).encode() + b"\n").hexdigest() == (
        export.manifest_sha256
    )
    for entry in manifest["finals"][0]["files"]:
        content = objects[f"{export.prefix}/{entry['name']}"]["Body"].read()
        assert (entry["sha256"], entry["bytes"]) == (hashlib.sha256(content).hexdigest(), len(content))
    assert export.destination == f"Bucket {BUCKET}"


def test_every_picture_says_where_it_comes_from_and_not_what_was_asked(export: Export, tmp_path: Path) -> None:
    run_export(export.pk)
    generation = export.files.first().signoff.generation  # type: ignore[union-attr]
    pictures = [path for path in folder_of(export, tmp_path).iterdir() if path.suffix != ".json"]
    assert len(pictures) == 4
    for path in pictures:
        packet = read_xmp(path.read_bytes()).decode()
        assert "digitalsourcetype/algorithmicMedia<" in packet
        assert "trainedAlgorithmicMedia" not in packet
        assert "<photoshop:TransmissionReference>MKT-2241<" in packet
        assert "Headphones on a stone plinth." in packet
        assert generation.pk in packet
        assert generation.prompt not in path.read_bytes().decode("latin-1")


def test_the_sidecar_tells_seed_scores_people_signature_and_cost(export: Export, tmp_path: Path) -> None:
    run_export(export.pk)
    signature = SignOff.objects.get()
    sidecar = json.loads(next(folder_of(export, tmp_path).glob("*_v1.json")).read_text())
    assert sidecar["campaign"]["ticket"] == "MKT-2241"
    assert sidecar["generation"]["seed"] == signature.generation.seed
    assert sidecar["generation"]["prompt_sha256"] == hashlib.sha256(signature.generation.prompt.encode()).hexdigest()
    assert sidecar["scores"]["average"] == "8.20"
    assert sidecar["sign_off"]["sha256"] == signature.generation.sha256
    assert sidecar["cost"]["image"] == "0.000000"
    assert [file["channel"] for file in sidecar["files"]] == ["original", "web", "social", "story"]
    assert "prompt" not in sidecar["generation"]


def test_killed_at_object_k_the_next_one_begins_there(
    bucket: Any, export: Export, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Killed(BaseException):
        """As a SIGKILL: nothing after it runs."""

    sent: list[str] = []
    put_once = store.put_once

    def put_and_die(*, name: str, **fields: Any) -> None:
        put_once(name=name, **fields)
        sent.append(name)
        if len(sent) == 3:
            raise Killed

    monkeypatch.setattr(store, "put_once", put_and_die)
    with pytest.raises(Killed):
        run_export(export.pk)
    # the third object is there, its row does not know yet; the lease still runs
    assert [file.state for file in export.files.all()] == ["verified", "verified", "waiting", "waiting", "waiting"]
    assert run_export(export.pk) is None
    assert find_waiting_exports() == []

    Export.objects.filter(pk=export.pk).update(claimed_until=timezone.now() - timedelta(seconds=1))
    assert find_waiting_exports() == [export.pk]
    written = {entry.key: entry.last_modified for entry in bucket.objects.all()}
    monkeypatch.setattr(store, "put_once", put_once)
    assert run_export(export.pk) == "verified"
    after = {entry.key: entry.last_modified for entry in bucket.objects.all()}
    assert len(after) == 6
    assert {key: after[key] for key in written} == written
    assert run_export(export.pk) is None


def test_what_an_interrupted_upload_left_is_replaced(export: Export, tmp_path: Path) -> None:
    torn = folder_of(export, tmp_path) / "MKT-2241_aurora-kopfhorer-launch_hero_v1_original_96x64.png"
    torn.parent.mkdir(parents=True)
    torn.write_bytes(b"\x89PNG torn")
    assert run_export(export.pk) == "verified"
    assert len(list(torn.parent.iterdir())) == 6
    assert torn.read_bytes() != b"\x89PNG torn"


def test_a_store_that_gives_back_something_else_is_not_believed(
    export: Export, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(store, "read_back", lambda name: "0" * 64)
    assert run_export(export.pk) == "waiting"
    export.refresh_from_db()
    assert "something else than what was sent" in export.problem
    assert export.files.filter(state=ExportFile.State.VERIFIED).count() == 0
    assert export.manifest_name == ""


def test_a_missing_bucket_fails_in_words_and_goes_on_once_it_is_there(
    settings: Settings, s3_url: str, export: Export
) -> None:
    use_s3(settings, s3_url, name="not-there-yet")
    assert run_export(export.pk) == "failed"
    export.refresh_from_db()
    assert export.problem.startswith("There is no bucket of this name. Create it, or correct EXPORT_BUCKET.")
    assert "Try again" in export.problem
    boto3.client("s3", endpoint_url=s3_url, region_name="us-east-1").create_bucket(Bucket="not-there-yet")
    assert retry_export(export)
    assert run_export(export.pk) == "verified"


def test_a_store_that_is_down_is_tried_again_by_itself(settings: Settings, export: Export) -> None:
    use_s3(settings, "http://127.0.0.1:9")
    for number in range(1, deliver.MAX_TRIES):
        assert run_export(export.pk) == "waiting"
        export.refresh_from_db()
        assert "The store does not answer." in export.problem
        assert "by itself" in export.problem
        assert find_waiting_exports() == []
        assert export.tries == number
        Export.objects.filter(pk=export.pk).update(due_at=timezone.now())
    assert run_export(export.pk) == "failed"
    assert not retry_export(Export(pk=0))
    assert retry_export(export)
    assert find_waiting_exports() == [export.pk]


def test_a_changed_file_does_not_leave(signature: SignOff, export: Export, tmp_path: Path) -> None:
    name = signature.generation.image.name
    default_storage.delete(name)
    default_storage.save(name, ContentFile(picture(tint=99)))
    assert run_export(export.pk) == "failed"
    export.refresh_from_db()
    assert "is not the one that was signed" in export.problem
    assert not folder_of(export, tmp_path).exists()


def withdraw(signature: SignOff) -> None:
    SignOff.objects.filter(pk=signature.pk).update(withdrawn_at=timezone.now(), withdrawn_by=signature.by)


def end_licence(signature: SignOff) -> None:
    SignOff.objects.filter(pk=signature.pk).update(licence_until=timezone.localdate() - timedelta(days=1))


@pytest.mark.parametrize("happening", [withdraw, end_licence])
def test_withdrawn_and_out_of_licence_stay_in_the_house(
    signature: SignOff, export: Export, happening: Callable[[SignOff], None], tmp_path: Path
) -> None:
    happening(signature)
    assert run_export(export.pk) == "failed"
    assert not folder_of(export, tmp_path).exists()
    with pytest.raises(NothingToExport):
        request_export(campaign=signature.shot.campaign, by=signature.by)


def test_the_same_request_twice_is_one_export(signature: SignOff, export: Export) -> None:
    assert request_export(campaign=signature.shot.campaign, by=signature.by) == export
    run_export(export.pk)
    assert request_export(campaign=signature.shot.campaign, by=signature.by) != export


def test_without_redis_a_nudge_is_lost_and_the_export_is_not(export: Export, monkeypatch: pytest.MonkeyPatch) -> None:
    began = time.monotonic()
    tasks.nudge_export(export.pk)  # the tests' Redis is a closed port
    assert time.monotonic() - began < 2
    nudged: list[int] = []
    monkeypatch.setattr(tasks.run_export, "apply_async", lambda args, **options: nudged.append(args[0]))
    tasks.sweep_exports()
    assert nudged == [export.pk]
    tasks.run_export(export.pk)
    assert Export.objects.get().state == Export.State.VERIFIED
    tasks.sweep_exports()
    assert nudged == [export.pk]


def test_who_lost_the_claim_stops(export: Export, monkeypatch: pytest.MonkeyPatch) -> None:
    put_once = store.put_once

    def put_slowly(**fields: Any) -> None:
        put_once(**fields)
        Export.objects.filter(pk=export.pk).update(
            claimed_by="another", claimed_until=timezone.now() + timedelta(minutes=9)
        )

    monkeypatch.setattr(store, "put_once", put_slowly)
    assert run_export(export.pk) is None
    export.refresh_from_db()
    assert (export.state, export.files.filter(state="verified").count()) == (Export.State.RUNNING, 1)
