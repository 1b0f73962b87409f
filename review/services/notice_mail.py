"""The mail of a notice: what waits is read from the table, each is claimed, sent, and marked as sent.

The claim is a compare-and-set that puts the next try behind a lease: a worker that dies before it has
sent leaves a mail that is due again, two workers at once send one. Only between the mail server's yes
and our mark a death can double a mail; its Message-ID stays the same, so that mail programs show one.
"""

import logging
from datetime import timedelta
from smtplib import SMTPException
from urllib.parse import urlsplit

from django.conf import settings
from django.core.mail import EmailMessage
from django.db.models import F
from django.urls import reverse

from campaigns.database.clock import database_now
from review.models import Notice
from review.services.notices import one_line

logger = logging.getLogger(__name__)

LEASE_SECONDS = 120
MAX_TRIES = 6
LONGEST_SUBJECT = 120
# Seconds until the next try after a refusal: 30, 120, 480, 1,920, 7,680.
FIRST_WAIT_SECONDS = 30


def find_due_mails(*, limit: int = 200) -> list[int]:
    """Notices whose mail waits to be tried. One query."""
    due = Notice.objects.filter(email_due_at__lte=database_now()).order_by("email_due_at", "pk")
    return list(due.values_list("pk", flat=True)[:limit])


def mail_notice(notice_id: int) -> bool:
    """Send the mail of one notice; False where there is none to send (any more), or not now."""
    notice = _claim(notice_id)
    if notice is None:
        return False
    if notice.email_tries > MAX_TRIES or not _is_wanted(notice):
        Notice.objects.filter(pk=notice.pk).update(email_due_at=None)
        return False
    try:
        _compose(notice).send()
    except (OSError, SMTPException) as error:
        _try_later(notice, error)
        return False
    Notice.objects.filter(pk=notice.pk).update(emailed_at=database_now(), email_due_at=None)
    return True


def target_of(notice: Notice) -> str:
    """The path that a notice leads to: its image, the images that it asks to look at, or its campaign."""
    if notice.generation_id:
        return reverse("loupe", args=[notice.generation_id])
    if notice.kind == Notice.Kind.ASSIGNMENT and notice.campaign_id:
        return f"{reverse('sheet', args=[notice.campaign_id])}?assigned={notice.user_id}"
    if notice.campaign_id:
        return reverse("campaign", args=[notice.campaign_id])
    return reverse("inbox")


def _claim(notice_id: int) -> Notice | None:
    """The notice, in our hands for the length of the lease."""
    now = database_now()
    claimed = Notice.objects.filter(pk=notice_id, email_due_at__lte=now, emailed_at__isnull=True).update(
        email_due_at=now + timedelta(seconds=LEASE_SECONDS), email_tries=F("email_tries") + 1
    )
    if claimed != 1:
        return None
    return Notice.objects.select_related("user", "workspace", "campaign", "generation__shot").get(pk=notice_id)


def _is_wanted(notice: Notice) -> bool:
    """Not of what was read meanwhile, nor by somebody who left or has switched mail off."""
    user = notice.user
    is_member = user.memberships.filter(workspace_id=notice.workspace_id).exists()
    return notice.read_at is None and user.is_active and user.wants_email and is_member


def _try_later(notice: Notice, error: Exception) -> None:
    if notice.email_tries >= MAX_TRIES:
        logger.error("The mail of notice %s was refused %s times (%s): given up.", notice.pk, notice.email_tries, error)
        Notice.objects.filter(pk=notice.pk).update(email_due_at=None)
        return
    wait = timedelta(seconds=FIRST_WAIT_SECONDS * 4 ** (notice.email_tries - 1))
    logger.warning("The mail of notice %s was not taken (%s): again in %s.", notice.pk, error, wait)
    Notice.objects.filter(pk=notice.pk).update(email_due_at=database_now() + wait)


def _compose(notice: Notice) -> EmailMessage:
    house = settings.LOUPE_PUBLIC_URL or f"http://127.0.0.1:{settings.PORT}"
    where = " · ".join(filter(None, [_image_of(notice), notice.campaign.title if notice.campaign else ""]))
    lines = [
        f"Hello {notice.user},",
        "",
        notice.text,
        *([where] if where else []),
        "",
        f"{house}{target_of(notice)}",
        "",
        "-- ",
        f"Loupe, {notice.workspace.name}. Mail about mentions and assignments is switched off here:",
        f"{house}{reverse('you')}",
    ]
    return EmailMessage(
        subject=_subject(notice),
        body="\n".join(lines),
        to=[notice.user.email],
        headers={"Message-ID": f"<notice-{notice.pk}@{urlsplit(house).hostname}>", "Auto-Submitted": "auto-generated"},
    )


def _image_of(notice: Notice) -> str:
    if notice.generation is None:
        return ""
    return f"{notice.generation.shot.title}, version {notice.generation.version}"


def _subject(notice: Notice) -> str:
    """One line: what would begin a further header is a blank in it."""
    return one_line(notice.text, longest=LONGEST_SUBJECT)
