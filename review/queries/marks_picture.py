"""What is burnt into a picture for people outside: marks and words, without anybody's name unless asked for."""

from campaigns.models import User
from generation.models import Generation
from review.exports.marked import DrawnMark
from review.queries.marks import Mark, Words, read_comments, read_marks
from review.rules.places import NoTarget, read_place


def read_drawn_marks(generation: Generation, *, viewer: User, names: bool) -> tuple[list[DrawnMark], list[str]]:
    """The marks as they are drawn, and the comments on the whole picture. Two queries."""
    marks = [_drawn(mark, generation, names=names) for mark in read_marks(generation, viewer=viewer)]
    return marks, [_said(words, names=names) for words in read_comments(generation)]


def _drawn(mark: Mark, generation: Generation, *, names: bool) -> DrawnMark:
    width = generation.image_width or generation.width
    height = generation.image_height or generation.height
    try:
        place = read_place(shape=mark.shape, target=mark.target, width=width, height=height)
        outline = place.points
    except NoTarget:
        outline = ()
    if mark.shape == "pin":
        outline = ()
    elif mark.shape == "rectangle" and outline:
        (left, top), (right, bottom) = outline[0], outline[1]
        outline = ((left, top), (right, top), (right, bottom), (left, bottom))
    return DrawnMark(
        number=mark.number,
        kind=mark.kind,
        title=f"{mark.kind_words}{f' · {mark.by}' if names else ''}{' · resolved' if mark.resolved else ''}",
        points=outline,
        at=(mark.left * width / 100, mark.top * height / 100),
        words=tuple(_said(words, names=names) for words in mark.words),
        faint=mark.resolved,
    )


def _said(words: Words, *, names: bool) -> str:
    return f"{words.by}: {words.text}" if names else words.text
