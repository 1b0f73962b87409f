"""Builds the demo workspace through the same services and the same engine that people use."""

import asyncio
import uuid
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from campaigns import services as campaigns
from campaigns.accounts.demo_sign_ins import DEMO_SIGN_INS
from campaigns.accounts.membership import add_member, create_workspace
from campaigns.models import BrandKit, Campaign, User, Workspace
from generation.engine import headless
from generation.engine.results import is_settled
from generation.models import Generation, GenerationState, Purpose
from generation.money import ledger
from generation.planning import planning, refine, runs
from generation.providers import registry
from review.demo import content
from review.exports.deliver import run_export
from review.models import Decision, Export, Standing
from review.queries.sheet_filter import SheetFilter
from review.rules.places import FRAGMENTS, SVG
from review.services.annotations import save_marks
from review.services.assignments import assign_images
from review.services.saved_views import save_view
from review.services.signoff import Disclosure, sign_off
from review.services.verdicts import record_verdict

DEMO_SECONDS = 300.0
SAMPLES = Path(settings.BASE_DIR) / "campaigns" / "samples"


def make_demo() -> bool:
    """Make the demo workspace unless it is there already; True if it was made. Takes about a minute: it renders."""
    if Workspace.objects.filter(slug="aurora-audio").exists():
        return False
    people, workspace, brand = _make_house()
    finished = _make_campaign(content.FINISHED, workspace=workspace, by=people["maya"], brand=brand)
    in_review = _make_campaign(content.IN_REVIEW, workspace=workspace, by=people["maya"], brand=brand)
    _make_campaign(content.READY, workspace=workspace, by=people["maya"], brand=None)
    for campaign in (finished, in_review):
        runs.start_run(campaign, by=people["maya"])
    _render(finished, in_review)
    for generation in _best_of_each_shot(in_review)[:3]:
        refine.request_change(generation, purpose=Purpose.VARIATION, by=people["maya"], request_key=uuid.uuid4().hex)
    _render(in_review)
    _sign_and_export(finished, people=people)
    _review(in_review, people=people)
    # only what happens from now on is worth a mail
    User.objects.filter(pk__in=[person.pk for person in people.values()]).update(wants_email=True)
    return True


@transaction.atomic
def _make_house() -> tuple[dict[str, User], Workspace, BrandKit]:
    people = {
        sign_in.email.split("@")[0]: User.objects.create_user(
            email=sign_in.email, password=sign_in.password, name=sign_in.name, wants_email=False
        )
        for sign_in in DEMO_SIGN_INS
    }
    workspace = create_workspace(name="Aurora Audio", admin=people["ada"])
    for sign_in in DEMO_SIGN_INS:
        person = people[sign_in.email.split("@")[0]]
        add_member(workspace=workspace, user=person, role=sign_in.role.lower())
    brand = BrandKit.objects.create(workspace=workspace, **content.BRAND)
    for rule in content.RULES:
        brand.rules.create(text=rule)
    ledger.set_limit(workspace=workspace, campaign=None, limit=settings.DEFAULT_WORKSPACE_BUDGET)
    return people, workspace, brand


def _make_campaign(facts: dict[str, Any], *, workspace: Workspace, by: User, brand: BrandKit | None) -> Campaign:
    brief = (SAMPLES / facts["sample"]).read_text(encoding="utf-8") if "sample" in facts else facts["brief"]
    campaign = campaigns.create_campaign(
        workspace=workspace,
        title=facts["title"],
        by=by,
        brief=brief,
        ticket=facts["ticket"],
        brand_kit=brand,
        base_seed=facts["base_seed"],
        due_on=timezone.localdate() + timedelta(days=9),
    )
    ledger.set_limit(workspace=workspace, campaign=campaign, limit=Decimal(facts["budget"]))
    for shot in facts.get("shots", ()):
        width, height = planning.size_of(shot["aspect_ratio"])
        fields = {name: value for name, value in shot.items() if name != "aspect_ratio"}
        campaigns.add_shots(
            campaign=campaign, shots=[{**fields, "mood": facts["mood"], "width": width, "height": height}]
        )
    if facts.get("key_points"):
        campaigns.record_reading(
            campaign=campaign, title="", key_points=facts["key_points"], mood=facts["mood"], sensitive=False
        )
    planning.plan_campaign(campaign.pk)
    campaign.refresh_from_db()
    return campaign


def _render(*rendering: Campaign) -> None:
    async def until_settled() -> None:
        stop = asyncio.Event()
        asyncio.get_running_loop().call_later(DEMO_SECONDS, stop.set)
        try:
            for campaign in rendering:

                def settled(campaign: Campaign = campaign) -> bool:
                    return is_settled(campaign)

                await headless.drive(campaign_id=campaign.pk, is_over=settled, stop=stop)
        finally:
            await registry.close()

    asyncio.run(until_settled())


def _best_of_each_shot(campaign: Campaign) -> list[Generation]:
    best: list[Generation] = []
    for shot in campaign.shots.order_by("position"):
        ready = shot.generations.filter(state=GenerationState.READY).order_by("-average", "version")
        best += ready[:1]
    return best


def _decide(generation: Generation, *, decision: str, by: User, reason: str = "", note: str = "") -> None:
    standing = Standing.objects.filter(pk=generation.pk).first()
    record_verdict(
        generation=generation,
        decision=decision,
        by=by,
        seen_version=standing.version if standing else 0,
        reason=reason,
        note=note,
    )


def _sign_and_export(campaign: Campaign, *, people: dict[str, User]) -> None:
    for generation in _best_of_each_shot(campaign):
        _decide(generation, decision=Decision.APPROVED, by=people["maya"])
        sign_off(
            generation=generation,
            by=people["jonas"],
            alt_text=f"{generation.shot.description}",
            disclosure=Disclosure.CAPTION,
            synthetic_performer=False,
            licence_from=timezone.localdate(),
            licence_until=timezone.localdate() + timedelta(days=365),
            brand_checked=True,
            note="",
            seen_version=Standing.objects.get(pk=generation.pk).version,
            confirmed_sha256=generation.sha256,
        )
    for export in Export.objects.filter(campaign=campaign):
        run_export(export.pk)


def _review(campaign: Campaign, *, people: dict[str, User]) -> None:
    best = _best_of_each_shot(campaign)
    for remark in content.COMMENTS:
        if remark["shot"] < len(best):
            _mark(best[remark["shot"]], remark=remark, by=people[remark["by"]])
    _decide(best[0], decision=Decision.APPROVED, by=people["maya"])
    if len(best) > 2:
        _decide(best[2], decision=Decision.CHANGES, by=people["maya"], note="Lovely weave; see the mark on the left.")
    assign_images(best[1:2] + best[3:4], to=people["jonas"], by=people["maya"])
    save_view(
        membership=people["maya"].memberships.get(workspace=campaign.workspace),
        name=content.VIEW,
        wanted=SheetFilter(unreviewed=True, sort="best"),
        for_everybody=True,
    )
    others = Generation.objects.filter(campaign=campaign, state=GenerationState.READY).exclude(
        pk__in=[generation.pk for generation in best]
    )
    weakest = others.order_by("average").first()
    if weakest:
        _decide(
            weakest,
            decision=Decision.REJECTED,
            by=people["maya"],
            reason="composition",
            note="Too crowded for a headline.",
        )


def _mark(generation: Generation, *, remark: dict[str, Any], by: User) -> None:
    width, height = generation.image_width or generation.width, generation.image_height or generation.height
    left, top, wide, high = remark["box"]
    box = (left * width, top * height, wide * width, high * height)
    selector = _polygon(*box) if remark["shape"] == "polygon" else _fragment(*box)
    mark = {"id": uuid.uuid4().hex, "kind": remark["kind"], "shape": remark["shape"], "text": remark["text"]}
    saved = save_marks(generation=generation, by=by, additions=[{**mark, "target": {"selector": selector}}])
    if saved.refused:
        raise ValueError(f"A mark of the demo was refused: {saved.refused}")


def _fragment(left: float, top: float, width: float, height: float) -> dict[str, str]:
    return {
        "type": "FragmentSelector",
        "conformsTo": FRAGMENTS,
        "value": f"xywh=pixel:{left:.0f},{top:.0f},{width:.0f},{height:.0f}",
    }


def _polygon(left: float, top: float, width: float, height: float) -> dict[str, str]:
    """A loop of eight corners inside the box, as a hand would draw it."""
    corners = [(0.2, 0.05), (0.7, 0.0), (1.0, 0.3), (0.95, 0.75), (0.65, 1.0), (0.25, 0.95), (0.0, 0.65), (0.03, 0.25)]
    points = " ".join(f"{left + x * width:.0f},{top + y * height:.0f}" for x, y in corners)
    return {"type": "SvgSelector", "value": f'<svg xmlns="{SVG}"><polygon points="{points}"/></svg>'}
