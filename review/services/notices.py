"""What reaches whose inbox. Only writer of new Notices; what became of their mail is written by `notice_mail`.

A notice of something that one did oneself is not made.
"""

from collections.abc import Iterable

from campaigns.database.clock import database_now
from campaigns.models import User
from generation.models import Generation
from review.models import Notice

LONGEST_TEXT = 300


def notify(
    *, people: Iterable[User], by: User, kind: Notice.Kind, text: str, about: Generation, one_image: bool = True
) -> list[Notice]:
    """One notice a person but for `by`, due by mail where they want mail. `one_image`: it leads to that image."""
    now = database_now()
    return Notice.objects.bulk_create(
        [
            Notice(
                workspace_id=about.workspace_id,
                user=person,
                kind=kind,
                text=one_line(text, longest=LONGEST_TEXT),
                generation=about if one_image else None,
                campaign_id=about.campaign_id,
                email_due_at=now if person.wants_email else None,
            )
            for person in people
            if person.pk != by.pk
        ]
    )


def one_line(text: str, *, longest: int) -> str:
    """As much as fits, without line breaks and control characters, and with a sign where something is left out."""
    line = " ".join("".join(letter if letter.isprintable() else " " for letter in text).split())
    return line if len(line) <= longest else line[: longest - 1] + "…"
