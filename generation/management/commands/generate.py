"""`manage.py generate posts.json --output DIR`: the whole pipeline without a browser.

Needs nothing running: it brings its tables up to date and drives the engine in its own
process. Beside a running Loupe its campaign shows there. Stopped with Ctrl-C it goes on
where it was when started again; nothing is paid twice.
"""

import argparse
import asyncio
import contextlib
import json
import signal
import time
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError
from django.db import transaction
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from campaigns import services as campaigns
from campaigns.accounts import membership
from campaigns.briefs import BriefError, Import, read_posts
from campaigns.models import Campaign, Membership, Role, User, Workspace
from generation.engine import headless
from generation.engine.conductor import in_database, leave_database
from generation.engine.results import is_settled, save_results
from generation.models import Generation, GenerationState
from generation.money import ledger
from generation.planning import planning, runs
from generation.planning.estimates import StartEstimate, estimate_start
from generation.providers import registry
from generation.rules.values import ProviderBusy

BOOKMARK = ".loupe.json"
OPERATOR = "headless@loupe.invalid"
SAVE_SECONDS = 2.0
# How long a busy writer is waited for, and how often the table is looked at meanwhile.
PATIENCE_SECONDS, PAUSE_SECONDS = 900.0, 1.0
MOST_BYTES = 50_000_000


class Command(BaseCommand):
    help = "Render posts.json headless: only passing pictures are kept, results.json says how it went."

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument("posts", type=Path, help="posts.json: a list of {slug, title, description, mood}")
        parser.add_argument("--output", type=Path, required=True, metavar="DIR", help="where pictures and results go")
        parser.add_argument("--model", help="one model for all shots, instead of the router's choice")
        parser.add_argument("--bar", type=_decimal, help="the average from which a picture passes (7.0)")
        parser.add_argument("--attempts", type=int, choices=range(1, 11), metavar="1-10", help="attempts a shot (3)")
        parser.add_argument("--budget", type=_decimal, help="USD that this campaign may cost at most")
        parser.add_argument("--workspace", help="name or slug; the first workspace by default")
        parser.add_argument("--ticket", default="", help="goes with every row and picture")

    def handle(self, *args: Any, **options: Any) -> None:
        console = Console()
        check_options(options)
        imported = read_file(options["posts"])
        for notice in imported.notices:
            console.print(f"[yellow]{notice}")
        call_command("migrate", verbosity=0, interactive=False)
        workspace, operator = find_place(options["workspace"])
        campaign = open_campaign(
            imported=imported, options=options, workspace=workspace, operator=operator, console=console
        )
        with console.status("Writing prompts"):
            write_prompts(campaign)
        if campaign.planning == Campaign.Planning.FAILED:
            raise CommandError(campaign.planning_note)
        start(campaign=campaign, operator=operator, console=console)
        finished = asyncio.run(run_engine(campaign=campaign, output=options["output"], console=console))
        items = save_results(campaign=campaign, output=options["output"])
        print_results(items=items, output=options["output"], console=console)
        if not finished:
            console.print("Stopped. Start the same command again and it goes on where it was.")
            raise SystemExit(130)
        if not all(item["file"] for item in items):
            raise SystemExit(2)


def _decimal(text: str) -> Decimal:
    try:
        number = Decimal(text)
    except InvalidOperation as error:
        raise argparse.ArgumentTypeError(f"{text} is not a number") from error
    if not number.is_finite() or number < 0:
        raise argparse.ArgumentTypeError(f"{text} is not a number from 0 up")
    return number


def check_options(options: dict[str, Any]) -> None:
    """Say what is wrong before anything is made. Raises CommandError."""
    if options["bar"] is not None and not 1 <= options["bar"] <= 10:
        raise CommandError("--bar goes from 1 to 10.")
    if options["model"]:
        available = {model.key for model in registry.available_models()}
        if options["model"] not in available:
            raise CommandError(
                f"--model {options['model']} cannot be asked here. These can: {', '.join(sorted(available))}."
            )
    if options["output"].exists() and not options["output"].is_dir():
        raise CommandError(f"{options['output']} is a file; --output names a folder.")


def read_file(path: Path) -> Import:
    """The posts, or every problem of the file. Raises CommandError."""
    try:
        return read_posts(path.read_bytes(), most=settings.LOUPE_MAX_SHOTS, max_bytes=MOST_BYTES)
    except OSError as error:
        raise CommandError(f"{path} cannot be read: {error.strerror}.") from error
    except BriefError as error:
        raise CommandError(f"{path}: {error}") from error


def find_place(name: str | None) -> tuple[Workspace, User]:
    """The workspace, made where there is none, and somebody in it to act for. Raises CommandError."""
    workspaces = Workspace.objects.order_by("pk")
    workspace = workspaces.first()
    if name:
        workspace = workspaces.filter(slug=name).first() or workspaces.filter(name__iexact=name).first()
        if workspace is None and workspaces.exists():
            known = ", ".join(workspaces.values_list("slug", flat=True)[:20])
            raise CommandError(f"There is no workspace “{name}”. Known are: {known}.")
    if workspace is None:
        operator = User.objects.filter(email=OPERATOR).first() or User.objects.create_user(
            email=OPERATOR, name="Headless pipeline"
        )
        return membership.create_workspace(name=name or "Studio", admin=operator), operator
    admin = Membership.objects.filter(workspace=workspace, role=Role.ADMIN).select_related("user").first()
    if admin is None:
        raise CommandError(f"The workspace “{workspace}” has no admin to act for.")
    return workspace, admin.user


@transaction.atomic
def open_campaign(
    *, imported: Import, options: dict[str, Any], workspace: Workspace, operator: User, console: Console
) -> Campaign:
    """The campaign of this output folder: the one begun there, with any new posts added, or a new one."""
    output: Path = options["output"]
    output.mkdir(parents=True, exist_ok=True)
    bookmark = output / BOOKMARK
    campaign = find_begun(bookmark=bookmark, workspace=workspace)
    if campaign is None:
        campaign = campaigns.create_campaign(
            workspace=workspace,
            title=f"{options['posts'].stem} from the command line",
            by=operator,
            ticket=options["ticket"],
            source=Campaign.Source.COMMAND,
            bar=options["bar"] or Decimal("7.0"),
            max_attempts=options["attempts"] or 3,
        )
        bookmark.write_text(json.dumps({"campaign": campaign.pk, "base_seed": campaign.base_seed}))
    else:
        console.print(f"Going on with “{campaign.title}”.")
        campaigns.change_gate(campaign, bar=options["bar"], max_attempts=options["attempts"])
    known = set(campaign.shots.values_list("slug", flat=True))
    fresh = [post for post in imported.posts if post.slug not in known]
    if fresh:
        shots = [shot_fields(post, model=options["model"]) for post in fresh]
        campaigns.add_shots(campaign=campaign, shots=shots)
        campaigns.plan_new_shots(campaign)
    if options["budget"] is not None:
        ledger.set_limit(workspace=workspace, campaign=campaign, limit=options["budget"])
    return campaign


def write_prompts(campaign: Campaign) -> None:
    """Plan it, however long the writer is busy, PATIENCE_SECONDS at most. Raises CommandError."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    campaigns.plan_again(campaign)
    campaign.refresh_from_db()
    while campaign.planning == Campaign.Planning.WAITING:
        with contextlib.suppress(ProviderBusy):
            planning.plan_campaign(campaign.pk)
        campaign.refresh_from_db()
        if campaign.planning == Campaign.Planning.WAITING:
            if time.monotonic() > deadline:
                raise CommandError(f"{campaign.planning_note} What is written is kept: start the same command again.")
            time.sleep(PAUSE_SECONDS)


def find_begun(*, bookmark: Path, workspace: Workspace) -> Campaign | None:
    """The campaign that an earlier run left in this folder, if this database still knows it."""
    try:
        saved = json.loads(bookmark.read_text())
        return Campaign.objects.filter(
            pk=saved["campaign"], base_seed=saved["base_seed"], workspace=workspace, source=Campaign.Source.COMMAND
        ).first()
    except (OSError, ValueError, KeyError, TypeError):
        return None


def shot_fields(post: Any, *, model: str | None) -> dict[str, Any]:
    """One post as a shot; 1344 x 768 where it names no size, as the seed pipeline did."""
    width, height = planning.size_of(post.aspect_ratio or "16:9")
    fields: dict[str, Any] = {
        "slug": post.slug,
        "title": post.title,
        "description": post.description,
        "mood": post.mood,
        "kind": post.kind or "other",
        "width": post.width or width,
        "height": post.height or height,
        "wants_text": bool(post.wants_text),
    }
    if model or post.model:
        fields |= {"model": model or post.model, "model_overridden": True, "model_reason": "Chosen by hand."}
    return fields


def start(*, campaign: Campaign, operator: User, console: Console) -> None:
    """Preflight and start what was never started. Raises CommandError where the budget does not reach."""
    check = estimate_start(campaign)
    if not check.shots:
        return
    console.print(
        f"{check.shots} shots, about ${check.total:.2f}; "
        f"${check.asked:.2f} of head-room asked, {describe_head_room(check)} left."
    )
    try:
        runs.start_run(campaign, by=operator)
    except (ledger.NoHeadRoom, runs.CannotStart) as error:
        raise CommandError(str(error)) from error


def describe_head_room(check: StartEstimate) -> str:
    """Dollars left, or that there is no limit."""
    return "no limit" if check.balance.head_room is None else f"${check.balance.head_room:.2f}"


async def run_engine(*, campaign: Campaign, output: Path, console: Console) -> bool:
    """Drive the engine with a progress bar; True when everything is settled, False after Ctrl-C."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TextColumn("{task.fields[detail]}"),
    )
    with Progress(*columns, console=console) as progress:
        bar = progress.add_task("Shots", total=None, detail="")
        saved_at = loop.time()

        def look() -> bool:
            nonlocal saved_at
            done, total, detail = count(campaign)
            progress.update(bar, completed=done, total=total, detail=detail)
            if loop.time() - saved_at > SAVE_SECONDS:
                saved_at = loop.time()
                save_results(campaign=campaign, output=output)
            return is_settled(campaign)

        try:
            await headless.drive(campaign_id=campaign.pk, is_over=look, stop=stop)
            settled = await in_database(look)
        finally:
            await leave_database()
            await registry.close()
    return settled


def count(campaign: Campaign) -> tuple[int, int, str]:
    """Shots that are settled, all shots, and what the machines are doing now."""
    total = campaign.shots.filter(removed_at__isnull=True).count()
    rows = list(Generation.objects.filter(campaign=campaign).values_list("shot_id", "state", "followed_up", "passed"))
    open_shots = {
        shot for shot, state, followed_up, _ in rows if not followed_up and state != GenerationState.CANCELLED
    }
    passed = len({shot for shot, _, _, ok in rows if ok})
    doing = sum(not followed_up for _, _, followed_up, _ in rows)
    return total - len(open_shots), total, f"{passed} passed, {doing} in work, {len(rows)} renders"


def print_results(*, items: list[dict[str, Any]], output: Path, console: Console) -> None:
    """A table for people; the same stands in results.json for machines."""
    table = Table(title=f"Results in {output}")
    for heading in ("Shot", "Outcome", "Attempts", "Average", "Weakest", "Cost", "File"):
        table.add_column(heading, justify="right" if heading in {"Attempts", "Average", "Cost"} else "left")
    for item in items[:60]:
        average = "" if item["average"] is None else f"{item['average']:.2f}"
        table.add_row(
            item["slug"],
            item["outcome"],
            str(item["attempts"]),
            average,
            item["weakest"].replace("_", " "),
            f"${Decimal(item['cost']):.4f}",
            item["file"] or "",
        )
    console.print(table)
    if len(items) > 60:
        console.print(f"and {len(items) - 60} more in results.json")
