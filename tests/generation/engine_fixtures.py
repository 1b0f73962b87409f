"""What the tests of faults share: a campaign on real models, processes on the fake providers, and the reckoning after.

`reckon` is the promise of the engine in one function: nothing paid twice, nothing lost, nothing stuck, and a ledger
that equals the provider's bill.
"""

import hashlib
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

from django.conf import settings
from django.db.models import Q, Sum

from campaigns import services as campaigns
from campaigns.accounts import membership
from campaigns.models import Budget, Campaign, User
from generation.models import OPEN, Generation, GenerationEvent, LedgerEntry, Reservation
from generation.money import ledger
from generation.planning import runs
from tests.fakes.running import RunningFake, run_as_process
from tests.services.process_forker import ProcessForker

FLUX, SDXL = "black-forest-labs/flux-1.1-pro", "stability-ai/sdxl"
BILLED_BY_REPLICATE = ("render", "upscale")


def make_campaign(*, shots: int, models: tuple[str, ...] = (FLUX,), size: int = 256, bar: str = "1.0") -> Campaign:
    """A planned campaign whose every picture passes the bar, so that renders and shots are as many."""
    admin = User.objects.create_user(email=f"ada{User.objects.count() or ''}@example.com", name="Ada")
    workspace = membership.create_workspace(name="Aurora", admin=admin)
    ledger.set_limit(workspace=workspace, campaign=None, limit=Decimal(10_000))
    campaign = campaigns.create_campaign(workspace=workspace, title="Launch", by=admin, ticket="MKT-2241")
    Campaign.objects.filter(pk=campaign.pk).update(bar=Decimal(bar))
    campaign.refresh_from_db()
    campaigns.add_shots(
        campaign=campaign,
        shots=[
            {
                "title": f"Shot {number}",
                "prompt": f"A glass bottle on stone, number {number}, lit from the left, amber and charcoal, centred.",
                "model": models[number % len(models)],
                "width": size,
                "height": size,
            }
            for number in range(shots)
        ],
    )
    ledger.set_limit(workspace=workspace, campaign=campaign, limit=Decimal(10_000))
    campaigns.finish_planning(campaign=campaign)
    return campaign


def start(campaign: Campaign) -> list[Generation]:
    """Start every shot."""
    return runs.start_run(campaign, by=campaign.created_by)


@dataclass(slots=True)
class EngineRoom:
    """A fake Replicate and the processes of Loupe that work against it."""

    fake: RunningFake
    forker: ProcessForker

    def drain(self, *, seconds: float, meanwhile: Callable[[], None] | None = None) -> float:
        """Wait until every generation is over and followed up; the seconds it took.

        Stuck is what does not move: nothing took a step for `seconds`, however slow the machine is.
        """
        began = moved = time.monotonic()
        steps = 0
        while self.unfinished():
            if (now_taken := GenerationEvent.objects.count()) != steps:
                steps, moved = now_taken, time.monotonic()
            if time.monotonic() - moved > seconds:
                rows = list(Generation.objects.filter(pk__in=self.unfinished()[:5]).values())
                raise AssertionError(f"Stuck after {seconds} s: {self.states()}\n{rows}\n{self.forker.words()}")
            if meanwhile:
                meanwhile()
            time.sleep(0.1)
        return time.monotonic() - began

    @staticmethod
    def unfinished() -> list[str]:
        """Generations that a machine still has to touch."""
        running = Q(state__in=[state.value for state in OPEN])
        waiting = Q(followed_up=False, state__in=["ready", "refused", "failed"])
        # in one look: between two, a row could step from one list into the other
        return list(Generation.objects.filter(running | waiting).values_list("pk", flat=True))

    @staticmethod
    def states() -> dict[str, int]:
        """How many stand where."""
        return dict(Counter(Generation.objects.values_list("state", flat=True)))

    def wait_for(self, what: Callable[[], bool], *, seconds: float = 30.0) -> None:
        """Until `what()` is true."""
        deadline = time.monotonic() + seconds
        while not what():
            assert time.monotonic() < deadline, f"It never came: {self.states()}\n{self.forker.words()}"
            time.sleep(0.05)


@contextmanager
def engine_room(
    environment: Mapping[str, str],
    *,
    folder: Path,
    redis_url: str,
    pace: float = 5.0,
    crashes: Mapping[str, Mapping[str, Any]] | None = None,
    quick_critic: bool = True,
    fake_settings: Mapping[str, Any] | None = None,
    **more: str,
) -> Iterator[EngineRoom]:
    """A fake Replicate of its own and an empty forker. `pace` divides the engine's waits (leases, sweeps, polls)."""
    with run_as_process("replicate") as fake:
        fake.script(**(fake_settings or {"latency": 0.3}))
        full = {
            **environment,
            "REDIS_URL": redis_url,
            "REPLICATE_API_TOKEN": "r8_test",
            "REPLICATE_BASE_URL": fake.url,
            "LOUPE_OUTPUT_HOSTS": fake.place,
            "REPLICATE_CREATES_PER_MINUTE": "60000",
            **more,
        }
        forker = ProcessForker(
            environment=full, folder=folder / "forker", pace=pace, crashes=crashes, quick_critic=quick_critic
        )
        with forker:
            yield EngineRoom(fake=fake, forker=forker)


def reckon(fake: RunningFake, *, renders: int | None = None, unscored: int = 0) -> None:
    """Nothing paid twice, nothing lost, the ledger equal to the provider's bill, every promise ended.

    `renders`: how many predictions there must be (default: one for each generation). `unscored`: of how many pictures
    a person may have to judge alone, because their scoring was killed as often as it is tried.
    """
    told = fake.state()
    generations = list(Generation.objects.all())
    assert told["creates"] == (len(generations) if renders is None else renders), told
    assert told["doubled_inputs"] == 0, told
    assert told["doubled_keys"] == [], told
    spent = _sum(LedgerEntry.objects.filter(provider="replicate", purpose__in=BILLED_BY_REPLICATE))
    assert spent == Decimal(told["bill"]), (spent, told)
    for row in generations:
        assert row.state == "ready", (row.pk, row.state, row.error_text)
        content = Path(settings.MEDIA_ROOT, row.image.name).read_bytes()
        assert hashlib.sha256(content).hexdigest() == row.sha256
        assert all(Path(settings.MEDIA_ROOT, path).is_file() for path in row.renditions.values())
        assert row.average is not None or (row.error_kind, row.escalated) == ("unscored", True)
    assert sum(row.average is None for row in generations) <= unscored
    balanced()
    arrived = Counter(GenerationEvent.objects.filter(to="ready").values_list("generation_id", flat=True))
    assert set(arrived.values()) <= {1}


def balanced() -> None:
    """Every promise ended, every counter equal to the record."""
    assert not Reservation.objects.filter(state="open").exists()
    for budget in Budget.objects.all():
        entries = LedgerEntry.objects.filter(workspace=budget.workspace)
        if budget.campaign_id:
            entries = entries.filter(campaign=budget.campaign_id)
        assert (budget.spent, budget.reserved) == (_sum(entries), Decimal(0))


def _sum(entries: Any) -> Decimal:
    return Decimal(entries.aggregate(total=Sum("amount"))["total"] or 0)
