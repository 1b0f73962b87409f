"""A finished render comes home: fetched with limits, verified, stored under its hash, renditions made."""

import logging
import traceback

from django.conf import settings
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage

from campaigns.database.claims import keep_claim_alive
from generation import lifecycle
from generation.engine.endings import fail
from generation.models import Generation, GenerationState
from generation.pictures import images
from generation.providers import registry
from generation.rules import retries
from generation.rules.values import OutputUnusable, ProviderBusy

logger = logging.getLogger(__name__)

FETCH_LEASE_SECONDS = 24.0
MAX_OUTPUT_BYTES = 60_000_000
# A download that ends early is often whole the next time; an output that is always cut is not.
TRUNCATED_RETRIES = 3
EXTENSIONS = {"image/png": "png", "image/jpeg": "jpg", "image/webp": "webp"}


def mirror_image(generation_id: str, *, holder: str) -> bool:
    """Fetch, verify and store one image; True where it is now waiting for its score. Safe to repeat at any point."""
    generation = lifecycle.claim(
        generation_id, state=GenerationState.FETCHING, holder=holder, seconds=FETCH_LEASE_SECONDS
    )
    if generation is None:
        return False
    if retries.is_given_up(tries=generation.tries, said=generation.error_text):
        park(generation)
        return False
    try:
        with keep_claim_alive(generation, holder=holder, seconds=FETCH_LEASE_SECONDS):
            return _bring_home(generation)
    except ProviderBusy as busy:
        wait = retries.wait_before_try(tries=generation.tries, retry_after=busy.retry_after, jitter=0.5)
        lifecycle.postpone(generation, seconds=wait, note=str(busy))
    except (OutputUnusable, images.ImageRejected) as error:
        if error.kind == "truncated" and generation.tries <= TRUNCATED_RETRIES:
            wait = retries.wait_before_try(tries=0, retry_after=None, jitter=0.5)
            lifecycle.postpone(generation, seconds=wait, note=str(error))
            return False
        fail(generation, kind=error.kind, text=str(error))
    except Exception:
        logger.exception("Mirroring %s failed", generation_id)
        lifecycle.postpone(
            generation,
            seconds=retries.wait_before_try(tries=generation.tries, retry_after=None, jitter=0.5),
            note=traceback.format_exc(limit=8),
        )
    return False


def _bring_home(generation: Generation) -> bool:
    provider = registry.image_provider(generation.provider)
    content = b"".join(provider.fetch(generation.provider_url, max_bytes=MAX_OUTPUT_BYTES))
    prepared = images.prepare(content, max_pixels=settings.LOUPE_MAX_PIXELS)
    facts = prepared.facts
    folder = f"generations/{generation.workspace_id}/{generation.campaign_id}"
    name = f"{folder}/{generation.pk}.{EXTENSIONS[facts.media_type]}"
    _store_once(name=name, content=content)
    renditions = {}
    for width, rendition in prepared.renditions.items():
        path = f"{folder}/{generation.pk}-{width}.webp"
        _store_once(name=path, content=rendition)
        renditions[str(width)] = path
    return lifecycle.move(
        generation,
        to=GenerationState.SCORING,
        image=name,
        media_type=facts.media_type,
        sha256=facts.sha256,
        image_width=facts.width,
        image_height=facts.height,
        image_bytes=len(content),
        renditions=renditions,
        thumbhash=prepared.thumbhash,
        due_at=None,
        error_text="",
    )


def _store_once(*, name: str, content: bytes) -> None:
    """Under exactly this name: a repeated step overwrites its own half-written file."""
    if default_storage.exists(name):
        default_storage.delete(name)
    stored = default_storage.save(name, ContentFile(content))
    if stored != name:
        default_storage.delete(stored)
        raise OSError(f"The storage kept {stored} instead of {name}.")


def park(generation: Generation) -> None:
    """Too many tries at one step: out of the way, with the last traceback for an admin."""
    fail(generation, kind="parked", text=generation.error_text or "The step ended its process several times.")
