"""The channels that carry notices beyond the inbox. A further one is a row of CHANNELS."""

from collections.abc import Callable
from dataclasses import dataclass
from smtplib import SMTPException
from urllib.parse import urlsplit

from django.conf import settings
from django.core.mail import EmailMessage
from django.urls import reverse

from campaigns.models import User
from review.models import Notice

LONGEST_SUBJECT = 120


@dataclass(frozen=True, slots=True)
class Channel:
    """`is_wanted_by` asks the person's settings. `send` may raise one of `failures`: it is tried again later."""

    is_wanted_by: Callable[[User], bool]
    send: Callable[[Notice], None]
    failures: tuple[type[Exception], ...]


def send_mail(notice: Notice) -> None:
    """Send the mail of a notice. Raises OSError or SMTPException where the mail server does not take it."""
    _compose(notice).send()


def target_of(notice: Notice) -> str:
    """The path that a notice leads to: its image, the images that it asks to look at, or its campaign."""
    if notice.generation_id:
        return reverse("loupe", args=[notice.generation_id])
    if notice.kind == Notice.Kind.ASSIGNMENT and notice.campaign_id:
        return f"{reverse('sheet', args=[notice.campaign_id])}?assigned={notice.user_id}"
    if notice.campaign_id:
        return reverse("campaign", args=[notice.campaign_id])
    return reverse("inbox")


def _compose(notice: Notice) -> EmailMessage:
    base = settings.LOUPE_PUBLIC_URL or f"http://127.0.0.1:{settings.PORT}"
    where = " · ".join(filter(None, [_image_of(notice), notice.campaign.title if notice.campaign else ""]))
    lines = [
        f"Hello {notice.user},",
        "",
        notice.text,
        *([where] if where else []),
        "",
        f"{base}{target_of(notice)}",
        "",
        "-- ",
        f"Loupe, {notice.workspace.name}. Mail about mentions and assignments is switched off here:",
        f"{base}{reverse('you')}",
    ]
    return EmailMessage(
        subject=_subject(notice),
        body="\n".join(lines),
        to=[notice.user.email],
        headers={"Message-ID": f"<notice-{notice.pk}@{urlsplit(base).hostname}>", "Auto-Submitted": "auto-generated"},
    )


def _image_of(notice: Notice) -> str:
    if notice.generation is None:
        return ""
    return f"{notice.generation.shot.title}, version {notice.generation.version}"


def _subject(notice: Notice) -> str:
    """One line: what would begin a further header is a blank in it."""
    return one_line(notice.text, longest=LONGEST_SUBJECT)


def one_line(text: str, *, longest: int) -> str:
    """As much as fits, without line breaks and control characters, and with a sign where something is left out."""
    line = " ".join("".join(letter if letter.isprintable() else " " for letter in text).split())
    return line if len(line) <= longest else line[: longest - 1] + "…"


CHANNELS: dict[str, Channel] = {
    "mail": Channel(is_wanted_by=lambda user: user.wants_email, send=send_mail, failures=(OSError, SMTPException)),
}
