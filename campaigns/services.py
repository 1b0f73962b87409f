"""What people do to campaigns. Only writer of Campaign and Shot."""

import secrets
from collections.abc import Sequence
from datetime import date
from decimal import Decimal
from typing import Any
from uuid import UUID

from django.db import transaction
from django.utils import timezone
from django.utils.text import slugify

from campaigns.models import BrandKit, Campaign, Shot, User, Workspace

MAX_SEED = 2**31 - 2


def create_campaign(
    *,
    workspace: Workspace,
    title: str,
    by: User,
    brief: str = "",
    ticket: str = "",
    source: str = Campaign.Source.BRIEF,
    brand_kit: BrandKit | None = None,
    bar: Decimal = Decimal("7.0"),
    max_attempts: int = 3,
    base_seed: int | None = None,
    due_on: date | None = None,
    requires_human_pick: bool = False,
    independent_first_look: bool = False,
    form_key: UUID | None = None,
) -> Campaign:
    """A campaign that waits to be planned. The base seed is the hero's and is pinned from here on.

    Raises IntegrityError for a `form_key` that the workspace has a campaign of.
    """
    return Campaign.objects.create(
        workspace=workspace,
        title=title.strip()[:160] or "Untitled campaign",
        ticket=ticket.strip(),
        brief=brief,
        source=source,
        brand_kit=brand_kit,
        bar=bar,
        max_attempts=max_attempts,
        base_seed=base_seed or 1 + secrets.randbelow(MAX_SEED),
        due_on=due_on,
        requires_human_pick=requires_human_pick,
        independent_first_look=independent_first_look,
        form_key=form_key,
        created_by=by,
    )


@transaction.atomic
def add_shots(*, campaign: Campaign, shots: Sequence[dict[str, Any]]) -> list[Shot]:
    """Append shots in order; a slug that is taken gets a number. Fields are those of Shot."""
    taken = set(campaign.shots.values_list("slug", flat=True))
    last = campaign.shots.order_by("-position").values_list("position", flat=True).first()
    position = 0 if last is None else last + 1
    rows = []
    for fields in shots:
        slug = _free_slug(wanted=fields.get("slug") or fields["title"], taken=taken)
        taken.add(slug)
        rows.append(Shot(**{**fields, "campaign": campaign, "slug": slug, "position": position}))
        position += 1
    return Shot.objects.bulk_create(rows, batch_size=500)


def _free_slug(*, wanted: str, taken: set[str]) -> str:
    stem = slugify(wanted)[:70] or "shot"
    slug = stem
    number = 2
    while slug in taken:
        slug = f"{stem}-{number}"
        number += 1
    return slug


def edit_shot(shot: Shot, **fields: Any) -> Shot:
    """Change what is asked for; renders that exist keep what they were asked."""
    for name, value in fields.items():
        setattr(shot, name, value)
    shot.save(update_fields=[*fields, "updated_at"])
    return shot


def remove_shot(shot: Shot) -> None:
    """Take a shot out of the campaign. Its renders and what they cost stay on record."""
    shot.removed_at = timezone.now()
    shot.save(update_fields=["removed_at", "updated_at"])


def record_reading(
    *, campaign: Campaign, title: str, key_points: Sequence[str], mood: str, sensitive: bool
) -> Campaign:
    """Keep what the writer read in the brief; a sensitive brief always needs a person's pick."""
    if title and campaign.title == "Untitled campaign":
        campaign.title = title[:160]
    campaign.key_points = list(key_points)
    campaign.mood = mood[:240]
    campaign.requires_human_pick = campaign.requires_human_pick or sensitive
    campaign.save(update_fields=["title", "key_points", "mood", "requires_human_pick"])
    return campaign


def take_terms(*, campaign: Campaign, ticket: str = "", due_on: date | None = None) -> Campaign:
    """Keep what a person took over from the brief; an empty value leaves what stands."""
    campaign.ticket = ticket.strip() or campaign.ticket
    campaign.due_on = due_on or campaign.due_on
    campaign.save(update_fields=["ticket", "due_on"])
    return campaign


def finish_planning(*, campaign: Campaign, note: str = "", failed: bool = False) -> None:
    """The shots are proposed, or could not be (with the reason for people)."""
    campaign.planning = Campaign.Planning.FAILED if failed else Campaign.Planning.PLANNED
    campaign.planning_note = note
    campaign.save(update_fields=["planning", "planning_note"])


def note_waiting(campaign_id: int, note: str) -> None:
    """Why a campaign is still being planned, for people; no news where it is planned by now."""
    Campaign.objects.filter(pk=campaign_id, planning=Campaign.Planning.WAITING).update(planning_note=note)


def plan_again(campaign: Campaign) -> bool:
    """Have a brief that could not be planned read once more; False where that is not the case (any more)."""
    failed = Campaign.objects.filter(pk=campaign.pk, planning=Campaign.Planning.FAILED)
    return failed.update(planning=Campaign.Planning.WAITING, planning_note="") == 1


def plan_new_shots(campaign: Campaign) -> None:
    """Have the prompts of shots written that were added to a planned campaign."""
    Campaign.objects.filter(pk=campaign.pk).update(planning=Campaign.Planning.WAITING)


def change_gate(campaign: Campaign, *, bar: Decimal | None = None, max_attempts: int | None = None) -> Campaign:
    """Move the bar or the number of attempts; what is scored stays as it was judged."""
    campaign.bar = bar if bar is not None else campaign.bar
    campaign.max_attempts = max_attempts or campaign.max_attempts
    campaign.save(update_fields=["bar", "max_attempts"])
    return campaign


def mark_started(campaign: Campaign) -> None:
    """The first start counts."""
    if campaign.started_at is None:
        campaign.started_at = timezone.now()
        campaign.save(update_fields=["started_at"])


def set_paused(*, campaign: Campaign, paused: bool) -> None:
    """While paused nothing new is sent; what is at a provider already is still collected."""
    campaign.paused_at = timezone.now() if paused else None
    campaign.save(update_fields=["paused_at"])
