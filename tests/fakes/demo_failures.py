"""`make demo-failures`: twelve shots against providers that fail in twelve ways, and the ladder at work, live.

The fakes are processes of their own, the engine is the real one in this process on an SQLite of its own; nothing is
left behind. Ends by itself in about a minute with the reckoning: what the providers billed, what the ledger says.
"""

import asyncio
import os
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.live import Live
from rich.table import Table

from campaigns.accounts import membership
from tests.fakes.running import RunningFake, run_as_process

LONGEST_SECONDS = 120
LOOK_SECONDS = 0.4
WRITER, CRITIC = "sonnet", "haiku"
WORDS = {
    "queued": "waiting",
    "submitting": "being sent",
    "in_doubt": "in doubt: asking",
    "rendering": "rendering",
    "fetching": "fetching",
    "scoring": "scoring",
    "ready": "ready",
    "failed": "failed",
    "refused": "refused",
}


def scores(weak: float) -> dict[str, Any]:
    """The critic's answer with a weak mood."""
    good = {"score": 8, "reason": "Clear and balanced."}
    named = dict.fromkeys(("composition", "relevance", "coherence"), good)
    return {**named, "mood_match": {"score": weak, "reason": "The light is cold where calm warmth was asked for."}}


@dataclass(frozen=True, slots=True)
class Trial:
    """One shot and what happens to it; `subject` is a word that no other shot has."""

    subject: str
    happens: str
    image_rules: tuple[dict[str, Any], ...] = ()
    word_rules: tuple[dict[str, Any], ...] = ()


def image(on: str, fault: str, **options: Any) -> tuple[dict[str, Any], ...]:
    return ({"on": on, "fault": fault, **options},)


def words(model: str, fault: str, **options: Any) -> tuple[dict[str, Any], ...]:
    return ({"on": "message", "model": model, "fault": fault, **options},)


def rewritten(subject: str) -> tuple[dict[str, Any], ...]:
    """The writer keeps the subject, so that the rules of this shot go on holding."""
    text = f"A {subject} on a slate plinth, calm, backlit at golden hour, warm grey and amber, centred."
    return words(WRITER, "answer", content={"text": text}, times=None)


WEAK = {"average": 10, "pass": True, **scores(3)}
TRIALS = (
    Trial("teapot", "nothing goes wrong"),
    Trial(
        "lantern",
        "too weak once: corrected",
        word_rules=(*words(CRITIC, "answer", content=WEAK), *rewritten("lantern")),
    ),
    Trial(
        "violin",
        "too weak three times: a person",
        word_rules=(*words(CRITIC, "answer", content=WEAK, times=None), *rewritten("violin")),
    ),
    Trial("perfume", "flagged once: softer words", image("outcome", "safety"), rewritten("perfume")),
    Trial("statue", "flagged always: a person", image("outcome", "safety", times=None), rewritten("statue")),
    Trial("compass", "429, twice, with Retry-After", image("create", "429", times=2, retry_after=2)),
    Trial("globe", "created, but the answer is lost", image("create", "drop_after")),
    Trial("clock", "500 after it was created", image("create", "500_after")),
    Trial("camera", "interrupted by the provider", image("outcome", "failed", which="E003")),
    Trial("kettle", "the download is cut", image("delivery", "truncated")),
    Trial(
        "mirror", "sent to an address in the house", image("delivery", "redirect", to="http://127.0.0.1:1/", times=None)
    ),
    Trial("candle", "the critic answers nonsense", word_rules=words(CRITIC, "not_json", times=None)),
)


@dataclass(slots=True)
class Row:
    """What the table shows of a shot."""

    happens: str
    states: list[str] = field(default_factory=list)
    tried: list[str] = field(default_factory=list)
    cost: Decimal = Decimal(0)
    end: str = ""


def prepare(folder: Path, replicate: RunningFake, claude: RunningFake) -> None:
    """The settings of this run, then Django, then the tables. Nothing of this machine's own settings counts."""
    os.environ |= {
        "LOUPE_ENV_FILE": "",
        "LOUPE_VAR_DIR": str(folder),
        "DATABASE_URL": "",
        "REDIS_URL": "",
        "LOUPE_PUBLIC_URL": "",
        "LOUPE_EMBEDDED_REDIS_URL": "redis://127.0.0.1:1/0",
        "REPLICATE_API_TOKEN": "r8_demo",
        "REPLICATE_BASE_URL": replicate.url,
        "LOUPE_OUTPUT_HOSTS": replicate.place,
        "ANTHROPIC_API_KEY": "sk-demo",
        "ANTHROPIC_BASE_URL": claude.url,
        "LOG_LEVEL": "CRITICAL",
        "DJANGO_SETTINGS_MODULE": "config.settings",
    }
    import django

    django.setup()
    from django.core.management import call_command

    call_command("migrate", verbosity=0)
    for trial in TRIALS:
        replicate.script(*[{**rule, "prompt": trial.subject} for rule in trial.image_rules])
        claude.script(*[{**rule, "prompt": trial.subject} for rule in trial.word_rules])


def start_campaign() -> Any:
    """A campaign with one shot for each trial, started."""
    from campaigns import services as campaigns
    from campaigns.models import User
    from generation.money import ledger
    from generation.planning import runs

    admin = User.objects.create_user(email="ada@example.com", name="Ada")
    workspace = membership.create_workspace(name="Aurora", admin=admin)
    ledger.set_limit(workspace=workspace, campaign=None, limit=Decimal(20))
    campaign = campaigns.create_campaign(workspace=workspace, title="Everything fails", by=admin, ticket="MKT-2241")
    campaigns.add_shots(
        campaign=campaign,
        shots=[
            {
                "title": trial.subject,
                "prompt": f"A {trial.subject} on a slate plinth, lit from the left, warm grey and amber, centred.",
                "model": "black-forest-labs/flux-1.1-pro",
                "width": 512,
                "height": 512,
            }
            for trial in TRIALS
        ],
    )
    campaigns.finish_planning(campaign=campaign)
    runs.start_run(campaign, by=admin)
    return campaign


def read_rows(campaign: Any) -> dict[str, Row]:
    """Every shot as it stands, from the rows and their events."""
    from generation.models import Generation, LedgerEntry

    rows = {trial.subject: Row(trial.happens) for trial in TRIALS}
    for generation in Generation.objects.filter(campaign=campaign).select_related("shot").order_by("version"):
        row = rows[generation.shot.title]
        step = generation.metadata.get("ladder")
        if step:
            row.tried.append("softer words" if step == "soften" else f"other model: {generation.model.split('/')[1]}")
        elif generation.attempt > 1:
            row.tried.append(f"attempt {generation.attempt}: {generation.direction.split(':')[0].lower()}")
        for event in generation.events.all():
            if event.to == "in_doubt":
                row.tried.append("asked before sending again")
            elif event.origin == "rendering" and event.to == "queued":
                row.tried.append("sent again, no strike")
            elif event.origin == "submitting" and event.to == "queued":
                row.tried.append("later, no strike")
        row.states = [WORDS.get(generation.state, generation.state)]
        row.end = ""
        if generation.escalated:
            row.end = f"a person: {generation.error_text}" if generation.error_text else "a person: still below the bar"
        elif generation.passed and generation.followed_up:
            row.end = f"passed with {generation.average}"
    for title, amount in LedgerEntry.objects.filter(campaign=campaign).values_list("shot__title", "amount"):
        rows[title].cost += amount
    return rows


def draw(rows: dict[str, Row], *, seconds: float) -> Table:
    """The table."""
    table = Table(title=f"The ladder at work, {seconds:.0f} s", expand=True)
    table.add_column("Shot", no_wrap=True)
    for name, ratio in (("What happens to it", 5), ("State", 3), ("What was tried", 6), ("End", 6)):
        table.add_column(name, ratio=ratio)
    table.add_column("USD", justify="right", no_wrap=True)
    for subject, row in rows.items():
        style = "green" if row.end.startswith("passed") else "yellow" if row.end else ""
        tried = ", ".join(dict.fromkeys(row.tried))
        table.add_row(subject, row.happens, " ".join(row.states), tried, row.end[:90], f"{row.cost:.4f}", style=style)
    return table


async def watch(campaign: Any, console: Console) -> float:
    """Drive the engine until every shot is over, drawing as it goes; the seconds it took."""
    from generation.engine import headless
    from generation.engine.conductor import in_database, leave_database
    from generation.engine.results import is_settled
    from generation.providers import registry

    began, stop = time.monotonic(), asyncio.Event()
    asyncio.get_running_loop().call_later(LONGEST_SECONDS, stop.set)
    is_over: Callable[[], bool] = lambda: is_settled(campaign)  # noqa: E731
    driving = asyncio.create_task(headless.drive(campaign_id=campaign.pk, is_over=is_over, stop=stop))
    with Live(console=console, refresh_per_second=4) as live:
        while True:
            rows = await in_database(read_rows, campaign)
            live.update(draw(rows, seconds=time.monotonic() - began))
            if driving.done():
                break
            await asyncio.wait([driving], timeout=LOOK_SECONDS)
    await driving
    await registry.close()
    await leave_database()
    return time.monotonic() - began


def summarise(console: Console, replicate: RunningFake, claude: RunningFake, *, seconds: float) -> bool:
    """The reckoning; True where bill and ledger agree and nothing was sent twice or left undone."""
    from django.db.models import Sum

    from generation.models import Generation, LedgerEntry, Reservation

    agree = True
    for name, fake in (("replicate", replicate), ("anthropic", claude)):
        total = LedgerEntry.objects.filter(provider=name).aggregate(total=Sum("amount"))["total"] or Decimal(0)
        # a repaired answer is one entry here and two bills there: they may round apart by a millionth
        agree &= abs(total - fake.bill) < Decimal("0.0001")
        console.print(f"{name}: billed ${fake.bill:.6f}, in our ledger ${total:.6f}")
    told = replicate.state()
    sent = Generation.objects.exclude(external_id="").count() + sum(
        len(ids) for ids in Generation.objects.values_list("earlier_ids", flat=True)
    )
    undone = Reservation.objects.filter(state="open").count()
    agree &= told["creates"] == sent and undone == 0
    console.print(
        f"{Generation.objects.count()} renders of {len(TRIALS)} shots, {told['creates']} predictions paid or refused "
        f"there, {sent} known here, {undone} promises left open, {seconds:.0f} s."
    )
    passed = Generation.objects.filter(passed=True).count()
    people = Generation.objects.filter(escalated=True).count()
    console.print(f"{passed} pictures passed, {people} shots wait for a person with everything that was tried.")
    console.print("[green]Bill and ledger agree to the cent.[/]" if agree else "[red]Bill and ledger do NOT agree.[/]")
    return agree


def main() -> int:
    console = Console()
    with (
        tempfile.TemporaryDirectory(prefix="loupe-demo-") as folder,
        run_as_process("replicate") as replicate,
        run_as_process("anthropic") as claude,
    ):
        replicate.script(latency=2.0)
        prepare(Path(folder), replicate, claude)
        seconds = asyncio.run(watch(start_campaign(), console))
        from django.db import connections

        agree = summarise(console, replicate, claude, seconds=seconds)
        connections.close_all()
    return 0 if agree else 1


if __name__ == "__main__":
    raise SystemExit(main())
