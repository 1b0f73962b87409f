"""Delivers notices over their channels. Only writer of NoticeDelivery once it exists.

A worker that dies before it has sent leaves a delivery that is due again; two workers at once send one. Only between
the channel's yes and our record a death can send one twice; a mail keeps its Message-ID, so that mail programs show
one.
"""

import logging
from datetime import timedelta

from django.db.models import F

from campaigns.database.clock import database_now
from review.models import Notice, NoticeDelivery
from review.services.notice_channels import CHANNELS, Channel

logger = logging.getLogger(__name__)

LEASE_SECONDS = 120.0
MAX_TRIES = 6
# Seconds until the next try after a failure: 30, 120, 480, 1,920, 7,680.
FIRST_WAIT_SECONDS = 30


def find_due_deliveries(*, limit: int = 200) -> list[int]:
    """Find deliveries that wait to be tried and nobody holds. One query."""
    now = database_now()
    waiting = NoticeDelivery.objects.filter(ended_at__isnull=True).due(now).free(now)
    return list(waiting.order_by("due_at", "pk").values_list("pk", flat=True)[:limit])


def deliver_notice(delivery_id: int, *, holder: str) -> bool:
    """Send one notice over its channel; False where there is none to send (any more), or not now."""
    row = NoticeDelivery.objects.filter(pk=delivery_id, ended_at__isnull=True)
    if row.due(database_now()).claim(holder=holder, seconds=LEASE_SECONDS, tries=F("tries") + 1) != 1:
        return False
    delivery = NoticeDelivery.objects.select_related(
        "notice__user", "notice__workspace", "notice__campaign", "notice__generation__shot"
    ).get(pk=delivery_id)
    channel = CHANNELS[delivery.channel]
    if delivery.tries > MAX_TRIES or not _is_wanted(delivery.notice, channel):
        row.release(holder=holder, ended_at=database_now())
        return False
    try:
        channel.send(delivery.notice)
    except channel.failures as error:
        _try_later(delivery, error, holder=holder)
        return False
    now = database_now()
    row.release(holder=holder, sent_at=now, ended_at=now)
    return True


def _is_wanted(notice: Notice, channel: Channel) -> bool:
    """Not what was read meanwhile, nor by somebody who left or does not want this channel."""
    user = notice.user
    is_member = user.memberships.filter(workspace_id=notice.workspace_id).exists()
    return notice.read_at is None and user.is_active and channel.is_wanted_by(user) and is_member


def _try_later(delivery: NoticeDelivery, error: Exception, *, holder: str) -> None:
    row = NoticeDelivery.objects.filter(pk=delivery.pk)
    if delivery.tries >= MAX_TRIES:
        logger.error("Notice %s was refused %s times (%s): given up.", delivery, delivery.tries, error)
        row.release(holder=holder, ended_at=database_now())
        return
    wait = timedelta(seconds=FIRST_WAIT_SECONDS * 4 ** (delivery.tries - 1))
    logger.warning("Notice %s was not taken (%s): again in %s.", delivery, error, wait)
    row.release(holder=holder, due_at=database_now() + wait)
