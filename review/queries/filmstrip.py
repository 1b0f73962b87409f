"""The film strip of the loupe: the versions of one shot, finished and on their way. Two queries."""

from dataclasses import dataclass
from typing import Any

from django.db.models import Q

from campaigns.models import User
from generation.models import WORKING, Generation, GenerationState
from review.models import Verdict
from review.queries.sheet import COLUMNS, SIGNED, loupe_address, thumb_of, verdicts_of
from review.queries.sheet_filter import SheetFilter


@dataclass(frozen=True, slots=True)
class Frame:
    """One version in the film strip; `coming` while it is being made, and then it leads nowhere yet."""

    id: str
    url: str
    version: int
    thumb: dict[str, Any]
    words: str
    here: bool
    coming: bool
    signed: bool


@dataclass(frozen=True, slots=True)
class Film:
    """The stack of a shot, newest first."""

    frames: list[Frame]

    @property
    def coming(self) -> bool:
        """Whether a version is on its way, so that it is worth looking again."""
        return any(frame.coming for frame in self.frames)

    @property
    def signed(self) -> Frame | None:
        """The version that is signed, which locks the whole stack."""
        return next((frame for frame in self.frames if frame.signed), None)

    @property
    def comparable(self) -> bool:
        """Whether there are two finished versions."""
        return sum(not frame.coming for frame in self.frames) > 1


def read_film(generation: Generation, wanted: SheetFilter, *, viewer: User) -> Film:
    """The versions of the shot as this person may see them. `generation` is fetched with its campaign."""
    own = set(
        Verdict.objects.filter(generation__shot_id=generation.shot_id, by=viewer, standing=True).values_list(
            "generation_id", flat=True
        )
    )
    shown = Q(state=GenerationState.READY) | Q(state__in=WORKING) | Q(pk=generation.pk)
    rows = (
        Generation.objects.filter(shown, shot_id=generation.shot_id)
        .select_related("shot", "standing", "standing__decided_by")
        .only(*COLUMNS)
        .order_by("-version")
    )
    query = wanted.query()
    frames = []
    for row in rows:
        row.own_decision = "yes" if row.pk in own else None  # type: ignore[attr-defined]
        standing = verdicts_of(row, blind=generation.campaign.independent_first_look)
        frames.append(
            Frame(
                id=row.pk,
                url=loupe_address(row.pk, query),
                version=row.version,
                thumb=thumb_of(row, standing) | {"sizes": "8rem", "eager": True, "words": ""},
                words=standing.words,
                here=row.pk == generation.pk,
                coming=row.state in WORKING,
                signed=standing.decision == SIGNED,
            )
        )
    return Film(frames)
