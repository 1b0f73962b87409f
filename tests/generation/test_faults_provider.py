"""Everything that a provider can do wrong, each to one shot of the same run, with real processes."""

from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from campaigns.models import Campaign
from generation.engine.heartbeats import pauses
from generation.models import Generation, LedgerEntry
from generation.money import ledger
from tests.generation.engine_fixtures import EngineRoom, balanced, engine_room, make_campaign, start
from tests.services.process_forker import ALL

pytestmark = pytest.mark.slow

# What the fake does to a shot: the call, the fault, and what the shot must come to: how many predictions it takes and
# its end. None is ready; the others are kinds of failure.
Case = tuple[str, dict[str, Any], int, str | None]
CASES: dict[str, Case] = {
    # nothing was created: sent once more, when the provider has said or shown so
    "throttled": ("create", {"fault": "429", "retry_after": 1, "times": 2}, 1, None),
    "500 before": ("create", {"fault": "500"}, 1, None),
    "503": ("create", {"fault": "503", "times": 2}, 1, None),
    "hang before": ("create", {"fault": "hang"}, 1, None),
    "drop before": ("create", {"fault": "drop"}, 1, None),
    "html": ("create", {"fault": "html"}, 1, None),
    # it was created, the answer was lost: found, never sent again
    "drop after": ("create", {"fault": "drop_after"}, 1, None),
    "hang after": ("create", {"fault": "hang_after"}, 1, None),
    "garbage after": ("create", {"fault": "garbage_after"}, 1, None),
    "500 after": ("create", {"fault": "500_after"}, 1, None),
    # people must mend it: said in words, nothing paid
    "no credit": ("create", {"fault": "402"}, 0, "no_credit"),
    "wrong input": ("create", {"fault": "422"}, 0, "invalid_input"),
    "bad token": ("create", {"fault": "401"}, 0, "unauthorised"),
    # the prediction itself fails
    "interrupted": ("outcome", {"fault": "failed", "which": "E003", "times": 2}, 3, None),
    "model error": ("outcome", {"fault": "failed", "which": "model"}, 1, "model_error"),
    "too large": ("outcome", {"fault": "failed", "which": "E1001"}, 1, "out_of_memory"),
    "removed": ("outcome", {"fault": "removed"}, 1, "gone"),
    "slow": ("outcome", {"fault": "slow", "latency": 4}, 1, None),
    # the output
    "404": ("delivery", {"fault": "gone", "times": None}, 1, "gone"),
    "expired": ("delivery", {"fault": "expired", "times": None}, 1, "gone"),
    "delivery 500": ("delivery", {"fault": "500", "times": 2}, 1, None),
    "truncated once": ("delivery", {"fault": "truncated"}, 1, None),
    "always truncated": ("delivery", {"fault": "truncated", "times": None}, 1, "truncated"),
    "page": ("delivery", {"fault": "html", "times": None}, 1, "not_an_image"),
    "lying page": ("delivery", {"fault": "html", "lie": True, "times": None}, 1, "not_an_image"),
    "svg": ("delivery", {"fault": "svg", "lie": True, "times": None}, 1, "not_an_image"),
    "bomb": ("delivery", {"fault": "bomb", "times": None}, 1, "too_large"),
    "empty": ("delivery", {"fault": "empty", "times": None}, 1, "truncated"),
    **{
        f"to {address}": (
            "delivery",
            {"fault": "redirect", "to": f"http://{address}/secret.png", "times": None},
            1,
            "forbidden_address",
        )
        for address in ("127.0.0.1:1", "169.254.169.254", "0.0.0.0", "[::1]", "localhost", "[::ffff:127.0.0.1]")
    },
}


def paused() -> dict[str, str]:
    """The providers that are left alone, with what is said about it."""
    return dict(pauses().values_list("account", "note"))


def rules() -> list[dict[str, Any]]:
    return [
        {"on": call, "prompt": f"number {number}, ", **fault} for number, (call, fault, *_) in enumerate(CASES.values())
    ]


@pytest.mark.timeout(150)
def test_every_fault_of_a_provider_has_its_end(
    process_environment: dict[str, str], redis_url: str, tmp_path: Path
) -> None:
    campaign = make_campaign(shots=len(CASES))
    start(campaign)
    with engine_room(process_environment, folder=tmp_path, redis_url=redis_url, pace=8) as room:
        room.fake.script(*rules())
        room.forker.start(*ALL)
        room.drain(seconds=90)
        expect(room, campaign)


def expect(room: EngineRoom, campaign: Campaign) -> None:
    predictions = room.fake.entries()
    wrong = {}
    for name, shot in zip(CASES, campaign.shots.order_by("position"), strict=True):
        _, _, creates, kind = CASES[name]
        row = Generation.objects.get(shot=shot)
        made = sum(entry["input"].get("prompt") == row.prompt for entry in predictions)
        if name == "removed":
            made = creates  # its input is gone as well
        found = (made, row.state, row.error_kind if row.state == "failed" else None)
        if found != (creates, "failed" if kind else "ready", kind):
            wrong[name] = (found, row.error_text)
        elif kind:
            assert row.escalated, f"{name}: a person must see it"
            assert row.error_text.strip(), name
            assert "Traceback" not in row.error_text, name
    assert not wrong, wrong
    field = Generation.objects.get(error_kind="invalid_input").error_text
    assert "output_format must be one of" in field
    spent = sum(LedgerEntry.objects.filter(provider="replicate").values_list("amount", flat=True), Decimal(0))
    assert spent == room.fake.bill
    balanced()


@pytest.fixture
def refusing(process_environment: dict[str, str], redis_url: str, tmp_path: Path) -> Iterator[EngineRoom]:
    with engine_room(process_environment, folder=tmp_path, redis_url=redis_url, pace=8) as room:
        yield room


def test_refused_by_every_wording_and_model_a_person_decides(refusing: EngineRoom) -> None:
    """Softer words with the same seed, twice; one model of another safety profile; then a person. Nothing paid."""
    start(make_campaign(shots=1))
    refusing.fake.script({"on": "outcome", "fault": "safety", "times": None})
    refusing.forker.start(*ALL)
    refusing.drain(seconds=60)
    rows = list(Generation.objects.order_by("version"))
    assert [row.metadata.get("ladder", "first") for row in rows] == ["first", "soften", "soften", "other_model"]
    assert {row.state for row in rows} == {"refused"}
    assert [row.escalated for row in rows] == [False, False, False, True]
    assert len({row.seed for row in rows[:3]}) == 1
    assert len({row.prompt for row in rows[:3]}) == 3
    assert rows[3].model != rows[0].model
    assert {row.attempt for row in rows} == {1}
    assert refusing.fake.state()["creates"] == 4
    assert refusing.fake.bill == 0
    balanced()


def test_softer_words_pass_and_cost_one_picture(refusing: EngineRoom) -> None:
    start(make_campaign(shots=1))
    refusing.fake.script({"on": "outcome", "fault": "safety", "which": "nsfw_flux"})
    refusing.forker.start(*ALL)
    refusing.drain(seconds=60)
    assert list(Generation.objects.order_by("version").values_list("state", flat=True)) == ["refused", "ready"]
    assert ledger.cost_of(Generation.objects.get(state="ready")) == refusing.fake.bill == Decimal("0.04")
    balanced()


def test_a_provider_that_is_down_is_left_alone_and_the_page_can_say_so(refusing: EngineRoom) -> None:
    """After five failures in a row nothing new is sent for a while, then one sending tries; all is well afterwards."""
    start(make_campaign(shots=40))
    refusing.fake.script({"on": "create", "fault": "503", "times": 41})
    refusing.forker.start("conductor")
    refusing.wait_for(lambda: "replicate" in paused())
    assert "Nothing new is sent" in paused()["replicate"]
    refusing.forker.start(*ALL[1:])
    refusing.drain(seconds=90)
    # forty were on their way when it failed; from then on one at a time asked whether it works again
    assert refusing.fake.state()["calls"]["create"] <= 40 + 41 + 3
    assert set(Generation.objects.values_list("state", flat=True)) == {"ready"}
    assert refusing.fake.state()["creates"] == 40
    balanced()
