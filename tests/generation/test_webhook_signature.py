"""Only what the provider signed, a short time ago, is believed."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from standardwebhooks import Webhook

from generation.providers.replicate.webhook_signature import WebhookRefused, verify_webhook

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
NOW = datetime(2026, 11, 20, 10, 0, tzinfo=UTC)
BODY = json.dumps({"id": "p1", "status": "succeeded"}).encode()


def signed(body: bytes = BODY, at: datetime = NOW, secret: str = SECRET) -> dict[str, str]:
    return {
        "Webhook-Id": "msg_1",
        "webhook-timestamp": str(int(at.timestamp())),
        "webhook-signature": Webhook(secret).sign("msg_1", at, body.decode()),
    }


@pytest.mark.parametrize(
    ("secret", "delivery", "at", "body", "signature"),
    [
        (
            SECRET,
            "msg_p5jXN8AQM9LWM0D4loKWxJek",
            1614265330,
            '{"test": 2432232314}',
            "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
        ),
        (
            "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD",
            "msg_2KWPBgLlAfxdpx2AI54pPJ85f4W",
            1674087231,
            '{"id":"ufawqhfynnddngldkgtslldrkq","status":"succeeded"}',
            "v1,gHEXUWEB37TMDffvCO/gtpF73bHayDsAeSpLsms4X18=",
        ),
    ],
)
def test_the_published_vectors(secret: str, delivery: str, at: int, body: str, signature: str) -> None:
    headers = {"webhook-id": delivery, "webhook-timestamp": str(at), "webhook-signature": f"v1,AAAA {signature}"}
    then = datetime.fromtimestamp(at, tz=UTC)
    assert verify_webhook(secret, headers, body.encode(), now=then) == json.loads(body)
    with pytest.raises(WebhookRefused, match="five minutes"):
        verify_webhook(secret, headers, body.encode())


@pytest.mark.parametrize("minutes", [-5, 0, 5])
def test_five_minutes_are_believed(minutes: int) -> None:
    assert verify_webhook(SECRET, signed(at=NOW + timedelta(minutes=minutes)), BODY, now=NOW)["id"] == "p1"


@pytest.mark.parametrize("minutes", [-5.1, 5.1, -600])
def test_more_are_not(minutes: float) -> None:
    with pytest.raises(WebhookRefused):
        verify_webhook(SECRET, signed(at=NOW + timedelta(minutes=minutes)), BODY, now=NOW)


@pytest.mark.parametrize(
    "change",
    [
        {"webhook-signature": "v1,AAAA"},
        {"webhook-signature": "v1"},
        {"webhook-signature": ""},
        {"webhook-signature": "v2,whatever"},
        {"webhook-signature": "v1,ÿ"},
        {"webhook-timestamp": "soon"},
        {"webhook-timestamp": "1e99"},
        {"webhook-timestamp": "9" * 400},
        {"webhook-timestamp": "²"},
        {"webhook-timestamp": ""},
        {"Webhook-Id": ""},
        {"Webhook-Id": "msg_2"},
    ],
)
def test_anything_altered_is_refused(change: dict[str, str]) -> None:
    with pytest.raises(WebhookRefused):
        verify_webhook(SECRET, {**signed(), **change}, BODY, now=NOW)


@pytest.mark.parametrize("body", [BODY + b" ", b"", b"\xff\xfe", BODY.replace(b"succeeded", b"failed")])
def test_another_body_is_refused(body: bytes) -> None:
    with pytest.raises(WebhookRefused):
        verify_webhook(SECRET, signed(), body, now=NOW)


@pytest.mark.parametrize("content", ["[1]", "3", "null", "not json", "[" * 100_000])
def test_a_signed_body_must_be_an_object(content: str) -> None:
    with pytest.raises(WebhookRefused):
        verify_webhook(SECRET, signed(content.encode()), content.encode(), now=NOW)


@pytest.mark.parametrize("secret", ["", "whsec_", "whsec_!!!", "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD"])
def test_another_secret_is_refused(secret: str) -> None:
    with pytest.raises(WebhookRefused):
        verify_webhook(secret, signed(), BODY, now=NOW)


@given(
    st.dictionaries(st.sampled_from(["webhook-id", "webhook-timestamp", "webhook-signature"]), st.text()), st.binary()
)
def test_no_stranger_gets_in_or_breaks_it(headers: dict[str, Any], body: bytes) -> None:
    with pytest.raises(WebhookRefused):
        verify_webhook(SECRET, headers, body)
