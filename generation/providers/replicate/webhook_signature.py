"""Whether a webhook really comes from the provider: Standard Webhooks, HMAC-SHA256 over id, time and raw body. Pure.

Replaying a delivery is harmless elsewhere (its id is stored once); here only the signature and its age are judged.
"""

import binascii
import hmac
import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from standardwebhooks import Webhook
from standardwebhooks.webhooks import EmptyWebhookSecretError

TOLERANCE = timedelta(minutes=5)


class WebhookRefused(Exception):
    """The delivery is not to be believed. The message says why, for the log; the sender learns nothing of it."""


def verify_webhook(secret: str, headers: Mapping[str, str], body: bytes, now: datetime | None = None) -> dict[str, Any]:
    """The JSON object in `body`, if one of its signatures is right and its time within five minutes of `now`.

    `secret` as the provider gives it ("whsec_…"); header names in any case; `body` exactly as received.
    Raises WebhookRefused for anything else, whatever the sender put in.
    """
    given = {name.lower(): value for name, value in headers.items()}
    delivery, sent, signatures = (
        given.get(name, "") for name in ("webhook-id", "webhook-timestamp", "webhook-signature")
    )
    if not (secret and delivery and sent and signatures):
        raise WebhookRefused("A signature header is missing, or no secret is set.")
    if not (sent.isascii() and sent.isdigit() and len(sent) <= 12):
        raise WebhookRefused("The timestamp is not a number.")
    at = datetime.fromtimestamp(int(sent), tz=UTC)
    if abs((now or datetime.now(UTC)) - at) > TOLERANCE:
        raise WebhookRefused("The timestamp is more than five minutes away.")
    try:
        text = body.decode()
        expected = Webhook(secret).sign(msg_id=delivery, timestamp=at, data=text)
    except (UnicodeDecodeError, binascii.Error, ValueError, EmptyWebhookSecretError) as error:
        raise WebhookRefused("The body or the secret cannot be read.") from error
    if not any(hmac.compare_digest(expected.encode(), given.encode()) for given in signatures.split(" ")):
        raise WebhookRefused("No signature matches.")
    try:
        content = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise WebhookRefused("The body is not JSON.") from error
    if not isinstance(content, dict):
        raise WebhookRefused("The body is not an object.")
    return content
