"""What a revision was asked for, mark by mark: the place before and the place after, side by side. Three queries."""

from dataclasses import dataclass

from generation.models import Generation, GenerationState, Purpose
from generation.pictures.files import rendition_url
from review.models import Annotation, Comment
from review.rules.places import NoTarget, Place, read_place

EDITS = (Purpose.REFINE, Purpose.INPAINT)
# Around the mark something of its surroundings is shown: this part of its own size, and never less than a sixth.
MARGIN = 0.25
SMALLEST = 1 / 6


@dataclass(frozen=True, slots=True)
class Crop:
    """A part of the picture in parts of its width and height; `aspect` is the crop's own."""

    left: float
    top: float
    width: float
    height: float
    aspect: float


@dataclass(frozen=True, slots=True)
class Answer:
    """One mark of the parent, and what became of it here."""

    id: str
    number: int
    kind_words: str
    words: str
    version: int
    resolved: bool
    crop: Crop


@dataclass(frozen=True, slots=True)
class BeforeAfter:
    """The marks that a revision was to answer. `before` and `after` are addresses of pictures."""

    parent_id: str
    parent_version: int
    before: str
    after: str
    answers: list[Answer]


def read_before_after(generation: Generation) -> BeforeAfter | None:
    """None where the image is no finished edit, or its parent carries no marks."""
    if generation.purpose not in EDITS or generation.state != GenerationState.READY or not generation.parent_id:
        return None
    parent = Generation.objects.get(pk=generation.parent_id)
    said: dict[str, list[str]] = {}
    for comment in Comment.objects.filter(generation=parent, annotation__isnull=False):
        said.setdefault(str(comment.annotation_id), []).append(comment.text)
    width, height = parent.image_width or parent.width, parent.image_height or parent.height
    answers = []
    marks = Annotation.objects.filter(generation=parent, deleted_at__isnull=True).order_by("created_at", "pk")
    for number, mark in enumerate(marks, start=1):
        try:
            place = read_place(shape=mark.shape, target=mark.target, width=width, height=height)
        except NoTarget:
            continue
        if mark.created_at < generation.created_at:
            answers.append(
                Answer(
                    id=mark.pk,
                    number=number,
                    kind_words=mark.get_kind_display(),
                    words=" ".join(said.get(mark.pk, [])),
                    version=mark.version,
                    resolved=mark.resolved_at is not None,
                    crop=crop_around(place, width=width, height=height),
                )
            )
    if not answers:
        return None
    return BeforeAfter(
        parent_id=parent.pk,
        parent_version=parent.version,
        before=rendition_url(parent, width=1280),
        after=rendition_url(generation, width=1280),
        answers=answers,
    )


def crop_around(place: Place, *, width: int, height: int) -> Crop:
    """The mark with its surroundings, inside the picture of `width` x `height` pixels."""
    left, top, across, down = place.box
    wide = min(width, max(across * (1 + 2 * MARGIN), width * SMALLEST))
    high = min(height, max(down * (1 + 2 * MARGIN), height * SMALLEST))
    x = min(max(left + across / 2 - wide / 2, 0), width - wide)
    y = min(max(top + down / 2 - high / 2, 0), height - high)
    return Crop(
        round(x / width, 4),
        round(y / height, 4),
        round(wide / width, 4),
        round(high / height, 4),
        round(wide / high, 4),
    )
