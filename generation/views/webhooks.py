"""The door for the provider's reports: verified, stored, answered at once; what follows from them is done elsewhere."""

import logging
import threading
import time
from typing import cast

from asgiref.sync import async_to_sync
from django.conf import settings
from django.core.exceptions import RequestDataTooBig
from django.db import transaction
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.http.request import RawPostDataException, UnreadablePostError
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST

from campaigns.database.clock import database_now
from generation.engine import deliveries
from generation.engine.nudges import Nudge
from generation.providers import registry
from generation.providers.replicate.adapter import ReplicateProvider
from generation.providers.replicate.webhook_signature import WebhookRefused, verify_webhook
from generation.rules.values import ProviderError
from generation.tasks import send_nudge

logger = logging.getLogger(__name__)

# A prediction with eight references as data URIs, each of 256 kB at most.
MOST_BYTES = 2_500_000
LONGEST_DELIVERY_ID = 120
# Where the provider cannot be asked for its secret, it is not asked again for this long, whoever knocks.
SECRET_RETRY_SECONDS = 10.0
HEADERS = ("webhook-id", "webhook-timestamp", "webhook-signature")


@csrf_exempt
@require_POST
def receive_replicate(request: HttpRequest) -> HttpResponse:
    """Replicate reports on a prediction. 200 stored (or known), 401 not believed, 404 not ours, 413 too large."""
    body = read_body(request)
    if body is None:
        return HttpResponse(status=413)
    secret = secrets.current()
    if not secret:
        # it comes back by itself for about a minute; after that polling finds the prediction
        return HttpResponse(status=503, headers={"Retry-After": "10"})
    headers = {name: request.headers.get(name, "") for name in HEADERS}
    if len(headers["webhook-id"]) > LONGEST_DELIVERY_ID:
        return HttpResponse(status=401)
    try:
        content = verify_webhook(secret, headers, body, now=database_now())
    except WebhookRefused as refusal:
        logger.info("A webhook was refused: %s", refusal)
        return HttpResponse(status=401)
    try:
        delivery = deliveries.store_delivery(
            delivery_id=headers["webhook-id"], attempt=request.GET.get("attempt", ""), content=content
        )
    except deliveries.UnknownAttempt:
        return HttpResponse(status=404)
    if delivery is not None:
        nudge = Nudge("delivery", delivery.pk)
        transaction.on_commit(lambda: send_nudge(nudge))
    return JsonResponse({"stored": True})


def read_body(request: HttpRequest) -> bytes | None:
    """The body as received; None where it is too large, cut off, or promises to be too large."""
    try:
        if int(request.headers.get("content-length") or 0) > MOST_BYTES:
            return None
        body = request.body
    except (ValueError, RequestDataTooBig, UnreadablePostError, RawPostDataException):
        return None
    return body if len(body) <= MOST_BYTES else None


class _Secrets:
    """The account's signing secret: from the settings, else fetched once from the provider and kept."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._kept: dict[tuple[str, str], str] = {}
        self._not_before = 0.0

    def current(self) -> str:
        """The secret, "" where it cannot be had now."""
        if settings.REPLICATE_WEBHOOK_SECRET:
            return str(settings.REPLICATE_WEBHOOK_SECRET)
        account = (settings.REPLICATE_BASE_URL, settings.REPLICATE_API_TOKEN)
        with self._lock:
            if account not in self._kept and settings.REPLICATE_API_TOKEN and time.monotonic() >= self._not_before:
                if secret := self._fetch():
                    self._kept[account] = secret
                else:
                    self._not_before = time.monotonic() + SECRET_RETRY_SECONDS
            return self._kept.get(account, "")

    def forget(self) -> None:
        """Ask anew next time."""
        self._kept.clear()
        self._not_before = 0.0

    def _fetch(self) -> str:
        try:
            return async_to_sync(_ask_for_secret)()
        except ProviderError as error:
            logger.warning("The webhook secret could not be read: %s", error)
            return ""


async def _ask_for_secret() -> str:
    provider = cast(ReplicateProvider, registry.image_provider(deliveries.PROVIDER))
    try:
        return await provider.webhook_secret()
    finally:
        await provider.aclose()


secrets = _Secrets()
