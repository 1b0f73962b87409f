"""What the JSON beside the pictures says: a sidecar for each final, one manifest for the export, written last.

People's names, seed, scores and costs are here and not in the pictures. The prompt is present
as its SHA-256 only: enough to prove which one it was, nothing to give away.
"""

import hashlib
import json
from collections.abc import Iterable, Sequence
from decimal import Decimal
from typing import Any

from django.db.models import Sum

from generation.models import Generation, LedgerEntry
from generation.money.ledger import cost_of, costs_of
from review.exports import naming
from review.models import Export, ExportFile, SignOff

FORMAT = "loupe-manifest/1"
SIDECAR_FORMAT = "loupe-sidecar/1"
MEDIA_TYPES = {"jpg": "image/jpeg", "png": "image/png", "webp": "image/webp", "json": "application/json"}


def media_type_of(name: str) -> str:
    """By the ending, which we gave ourselves."""
    return MEDIA_TYPES.get(name.rpartition(".")[2], "application/octet-stream")


def encode(document: dict[str, Any]) -> bytes:
    """The same document always gives the same bytes."""
    return (json.dumps(document, indent=2, ensure_ascii=False, sort_keys=False) + "\n").encode()


def sidecar(*, signature: SignOff, files: Iterable[ExportFile]) -> dict[str, Any]:
    """All that is on record of one final. `files` are its pictures, delivered already."""
    campaign = signature.generation.campaign
    return {
        "format": SIDECAR_FORMAT,
        "campaign": {"id": campaign.pk, "title": campaign.title, "ticket": campaign.ticket},
        **describe_final(signature=signature, files=files),
    }


def manifest(*, export: Export, signatures: Sequence[SignOff], files: Sequence[ExportFile]) -> dict[str, Any]:
    """The export as a whole: its finals with their files and hashes, and what all of it cost."""
    campaign = export.campaign
    by_signature: dict[int, list[ExportFile]] = {}
    for file in files:
        by_signature.setdefault(file.signoff_id, []).append(file)
    spent = LedgerEntry.objects.filter(campaign=campaign).aggregate(total=Sum("amount"))["total"]
    return {
        "format": FORMAT,
        "export": {
            "id": export.pk,
            "destination": export.destination,
            "folder": export.prefix,
            "requested_by": str(export.requested_by),
            "requested_at": export.created_at.isoformat(),
        },
        "workspace": campaign.workspace.name,
        "campaign": {"id": campaign.pk, "title": campaign.title, "ticket": campaign.ticket},
        "finals": [
            describe_final(signature=signature, files=by_signature.get(signature.pk, ())) for signature in signatures
        ],
        "cost": {
            "currency": "USD",
            "finals": money(sum(costs_of(signature.generation for signature in signatures).values(), Decimal(0))),
            "campaign": money(spent),
            "per_final": money((spent or Decimal(0)) / len(signatures)) if signatures else money(None),
        },
    }


def describe_final(*, signature: SignOff, files: Iterable[ExportFile]) -> dict[str, Any]:
    """One final: picture, making, judgement, signature, cost, files."""
    generation, shot = signature.generation, signature.shot
    spent = LedgerEntry.objects.filter(shot=shot).aggregate(total=Sum("amount"))["total"]
    return {
        "shot": {"slug": shot.slug, "title": shot.title, "kind": shot.kind, "position": shot.position},
        "generation": _making(generation),
        "scores": _scores(generation),
        "decisions": [
            {
                "by": str(verdict.by),
                "decision": verdict.decision,
                "reason": verdict.filed_under,
                "at": verdict.at.isoformat(),
                "standing": verdict.standing,
            }
            for verdict in generation.verdicts.select_related("by")
        ],
        "sign_off": _signature(signature),
        "cost": {
            "currency": "USD",
            "image": money(cost_of(generation)),
            "shot_with_all_attempts": money(spent),
        },
        "files": [describe_file(file) for file in files],
    }


def describe_file(file: ExportFile) -> dict[str, Any]:
    """One object as it lies in the store."""
    size = naming.size_in(file.name)
    return {
        "name": file.name,
        "channel": file.role,
        "media_type": media_type_of(file.name),
        "bytes": file.size,
        "sha256": file.sha256,
        "width": size[0] if size else None,
        "height": size[1] if size else None,
    }


def money(amount: Decimal | None) -> str:
    """USD with six places, as text: no float ever touches it."""
    return f"{amount or Decimal(0):.6f}"


def _making(generation: Generation) -> dict[str, Any]:
    return {
        "id": generation.pk,
        "version": generation.version,
        "attempt": generation.attempt,
        "purpose": generation.purpose,
        "parent": generation.parent_id,
        "provider": generation.provider,
        "model": generation.model,
        "seed": generation.seed,
        "width": generation.image_width,
        "height": generation.image_height,
        "guidance": generation.guidance,
        "steps": generation.steps,
        "prompt_sha256": hashlib.sha256(generation.prompt.encode()).hexdigest(),
        "created_at": generation.created_at.isoformat(),
        "metadata": {"ticket": generation.ticket, "campaign": generation.campaign.title, "shot": generation.shot.slug},
    }


def _scores(generation: Generation) -> dict[str, Any] | None:
    score = generation.scores.last()
    if score is None:
        return None
    return {
        "critic": score.critic,
        "average": str(score.average),
        "bar": str(score.bar),
        "passed": score.passed,
        "dimensions": {name: entry.get("score") for name, entry in score.dimensions.items()},
    }


def _signature(signature: SignOff) -> dict[str, Any]:
    return {
        "by": str(signature.by),
        "at": signature.at.isoformat(),
        "sha256": signature.sha256,
        "alt_text": signature.alt_text,
        "disclosure": signature.disclosure,
        "synthetic_performer": signature.synthetic_performer,
        "licence_from": signature.licence_from.isoformat() if signature.licence_from else None,
        "licence_until": signature.licence_until.isoformat() if signature.licence_until else None,
        "brand_checked": signature.brand_checked,
        "note": signature.note,
    }
