"""What the headless pipeline leaves behind: the passing pictures and `results.json`."""

import json
from decimal import Decimal
from pathlib import Path
from typing import Any

from django.core.files.storage import default_storage

from campaigns.models import Campaign, Shot
from generation.models import WORKING, Generation, GenerationState
from generation.money.ledger import costs_of

RESULTS = "results.json"


def is_settled(campaign: Campaign) -> bool:
    """No machine will do anything more for this campaign's shots."""
    rows = Generation.objects.filter(campaign=campaign, shot__removed_at__isnull=True)
    if rows.filter(state__in=[state.value for state in WORKING]).exists():
        return False
    return not rows.exclude(state=GenerationState.CANCELLED).filter(followed_up=False).exists()


def save_results(*, campaign: Campaign, output: Path) -> list[dict[str, Any]]:
    """Write every passing picture that is not there yet, and `results.json`; returns its items by position."""
    output.mkdir(parents=True, exist_ok=True)
    items = [
        describe_shot(shot=shot, output=output)
        for shot in campaign.shots.filter(removed_at__isnull=True).order_by("position")
    ]
    temporary = output / f".{RESULTS}"
    temporary.write_text(json.dumps(items, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    temporary.replace(output / RESULTS)
    return items


def describe_shot(*, shot: Shot, output: Path) -> dict[str, Any]:
    """One shot: its outcome, every attempt with its scores, and the file that was kept (None below the bar)."""
    attempts = list(shot.generations.prefetch_related("scores").order_by("version"))
    passing = [row for row in attempts if row.passed]
    best = max(passing, key=lambda row: row.average or 0, default=None)
    kept = best or max(
        (row for row in attempts if row.average is not None), key=lambda row: row.average or 0, default=None
    )
    costs = costs_of(attempts)
    item: dict[str, Any] = {
        "slug": shot.slug,
        "title": shot.title,
        "outcome": "passed" if best else _outcome(attempts),
        "attempts": len(attempts),
        "scores": _scores(kept),
        "average": float(kept.average) if kept and kept.average is not None else None,
        "weakest": kept.weakest if kept else "",
        "cost": f"{sum(costs.values()):.6f}",
        "seed": kept.seed if kept else None,
        "model": kept.model if kept else shot.model,
        "prompt": kept.prompt if kept else shot.prompt,
        "file": None,
        "sha256": None,
        "log": [_describe_attempt(row, cost=costs[row.pk]) for row in attempts],
    }
    if best:
        path = _keep(best, output=output, slug=shot.slug)
        item |= {"file": path.name, "sha256": best.sha256}
    return item


def _outcome(attempts: list[Generation]) -> str:
    if not attempts:
        return "not started"
    last = attempts[-1]
    if last.state == GenerationState.READY:
        return "below the bar" if last.average is not None else "unscored"
    return str(last.state)


def _scores(row: Generation | None) -> dict[str, float]:
    score = row and next(iter(sorted(row.scores.all(), key=lambda one: -one.pk)), None)
    return {name: dimension["score"] for name, dimension in score.dimensions.items()} if score else {}


def _describe_attempt(row: Generation, *, cost: Decimal) -> dict[str, Any]:
    return {
        "id": row.pk,
        "attempt": row.attempt,
        "state": str(row.state),
        "scores": _scores(row),
        "average": float(row.average) if row.average is not None else None,
        "weakest": row.weakest,
        "direction": row.direction,
        "seed": row.seed,
        "model": row.model,
        "cost": f"{cost:.6f}",
        "problem": row.error_text.splitlines()[-1] if row.error_text else "",
    }


def _keep(row: Generation, *, output: Path, slug: str) -> Path:
    """Copy the original under a name that people can read; a file that is complete already is left alone."""
    path = output / f"{slug}{Path(str(row.image.name)).suffix}"
    if path.exists() and path.stat().st_size == row.image_bytes:
        return path
    temporary = output / f".{path.name}"
    with default_storage.open(str(row.image.name), "rb") as source:
        temporary.write_bytes(source.read())
    temporary.replace(path)
    return path
