"""Words on an image or on one of its marks. Only writer of Comment."""

from django.db import transaction

from campaigns.models import Membership, User
from generation.models import Generation
from review.models import Annotation, Comment, Notice
from review.rules.mentions import MENTION, names_of, plain_name
from review.services.notices import notify

LONGEST_COMMENT = 4000


class CommentRefused(Exception):
    """Nothing was stored. The message is for people."""


@transaction.atomic
def add_comment(*, generation: Generation, by: User, text: str, annotation: Annotation | None = None) -> Comment:
    """Store one message; members named by `@name` or `@address` get a notice. Raises CommentRefused.

    The last words of a thread sent once more by the same person are the same message: its answer was lost.
    """
    text = clean_comment(text)
    if annotation is not None and annotation.generation_id != generation.pk:
        raise CommentRefused("This mark belongs to another image. Reload the page.")
    last = Comment.objects.filter(generation=generation, annotation=annotation).order_by("-pk").first()
    if last is not None and last.by_id == by.pk and last.text == text:
        return last
    comment = Comment.objects.create(generation=generation, annotation=annotation, by=by, text=text)
    _notify(comment, generation=generation, people=mentioned(text=text, workspace_id=generation.workspace_id))
    return comment


def clean_comment(text: str) -> str:
    """The text without blank ends and control characters. Raises CommentRefused."""
    text = "".join(character for character in text.strip() if character == "\n" or character.isprintable())
    if not text:
        raise CommentRefused("Write a few words first.")
    if len(text) > LONGEST_COMMENT:
        raise CommentRefused(f"The comment is longer than {LONGEST_COMMENT} characters. Shorten it.")
    return text


def mentioned(*, text: str, workspace_id: int) -> list[User]:
    """Members of the workspace whom the text names: by address, by full name without spaces, or by first name.

    A first name that two members share names neither; they are named by address.
    """
    names = {plain_name(name) for name in MENTION.findall(text)}
    if not names:
        return []
    members = [
        membership.user
        for membership in Membership.objects.select_related("user").filter(workspace_id=workspace_id).order_by("pk")
    ]
    called: dict[str, list[User]] = {}
    for member in members:
        for name in names_of(member):
            called.setdefault(name, []).append(member)
    found = {people[0].pk: people[0] for name in names if len(people := called.get(name, [])) == 1}
    return [found[pk] for pk in sorted(found)]


def _notify(comment: Comment, *, generation: Generation, people: list[User]) -> None:
    comment.mentions.set(people)
    words = comment.text if len(comment.text) <= 160 else comment.text[:159] + "…"
    text = f"{comment.by} on {generation.shot.title}, version {generation.version}: {words}"
    notify(people=people, by=comment.by, kind=Notice.Kind.MENTION, text=text, about=generation)
