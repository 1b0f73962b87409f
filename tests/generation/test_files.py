"""Stored pictures: signed addresses that nobody guesses, kept for a year, sent by the proxy or the kernel."""

import pytest
from django.test import Client, RequestFactory
from django.urls import resolve
from pytest_django import Settings

from generation.models import Generation
from generation.pictures.files import file_url, rendition_url, srcset
from generation.views.files import serve_file
from tests.factories import GenerationFactory

pytestmark = pytest.mark.django_db


@pytest.fixture
def row() -> Generation:
    return GenerationFactory(ready=True)


def test_a_signed_picture_is_kept_for_good_and_is_its_own_sandbox(client: Client, row: Generation) -> None:
    answer = client.get(rendition_url(row, width=640))
    assert answer.status_code == 200
    assert answer["Content-Type"] == "image/webp"
    assert "immutable" in answer["Cache-Control"]
    assert "sandbox" in answer["Content-Security-Policy"]
    assert b"".join(answer.streaming_content)[:4] == b"RIFF"
    answer.close()


def test_one_signature_opens_the_widths_of_one_picture_and_nothing_else(client: Client, row: Generation) -> None:
    url = rendition_url(row, width=640)
    signature = resolve(url).kwargs["signature"]
    assert srcset(row).count(f"/{signature}/") == len(row.renditions)
    other = GenerationFactory(ready=True, shot=row.shot)
    for path in (row.image.name, other.image.name, *other.renditions.values(), "../secret-key", ""):
        assert client.get(f"/files/{signature}/{path}").status_code == 404
    assert client.get(url.replace(signature, signature[:-1] + "~")).status_code == 404
    assert client.get(file_url("generations/gone.png")).status_code == 404


def test_an_address_survives_a_change_of_the_key(client: Client, row: Generation, settings: Settings) -> None:
    url = rendition_url(row, width=640)
    settings.SECRET_KEY_FALLBACKS = [settings.SECRET_KEY]
    settings.SECRET_KEY = "another key of at least fifty characters, as production asks for"
    answer = client.get(url)
    assert answer.status_code == 200
    answer.close()
    settings.SECRET_KEY_FALLBACKS = []
    assert client.get(url).status_code == 404


def test_behind_a_proxy_no_byte_of_the_picture_passes_through_python(
    client: Client, row: Generation, settings: Settings
) -> None:
    settings.LOUPE_ACCEL_PREFIX = "/stored/"
    answer = client.get(rendition_url(row, width=640))
    assert answer["X-Accel-Redirect"] == f"/stored/{max(row.renditions.items(), key=lambda each: int(each[0]))[1]}"
    assert (answer.content, answer["Content-Type"]) == (b"", "image/webp")
    assert "immutable" in answer["Cache-Control"]


def test_without_a_proxy_the_server_gets_the_file_itself_to_send(row: Generation) -> None:
    url = rendition_url(row, width=640)
    response = serve_file(RequestFactory().get(url), **resolve(url).kwargs)
    # what a WSGI server needs for sendfile(2)
    assert response.file_to_stream.fileno() > 0
    response.close()
