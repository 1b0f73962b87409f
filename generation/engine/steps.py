"""One step of finished renders, by name; the same for a Celery worker and for the headless pipeline."""

import logging

from django.db import OperationalError

from generation.engine.deliveries import handle_delivery
from generation.engine.follow_up import follow_up
from generation.engine.mirror import mirror_image
from generation.engine.nudges import Nudge
from generation.engine.scoring import score_image
from generation.money.calls import count_as_spent
from generation.planning.planning import plan_campaign
from generation.rules.values import ProviderBusy

logger = logging.getLogger(__name__)


def take_step(nudge: Nudge, *, holder: str) -> list[Nudge]:
    """Do it and say what comes next. Safe to repeat: whoever comes second finds nothing to do.

    A provider that is busy leaves the step in the table; the sweep comes back to it.
    """
    subject = str(nudge.subject)
    if nudge.step == "mirror":
        return [Nudge("score", subject)] if mirror_image(subject, holder=holder) else []
    if nudge.step == "score":
        return [Nudge("follow_up", subject)] if score_image(subject, holder=holder) else []
    if nudge.step == "delivery":
        return handle_delivery(int(nudge.subject))
    if nudge.step == "count":
        count_as_spent(int(nudge.subject))
        return []
    try:
        if nudge.step == "follow_up":
            follow_up(subject)
        else:
            plan_campaign(int(nudge.subject))
    except ProviderBusy:
        return []
    except OperationalError as error:
        # many writers on SQLite, or a database that restarts: the table still says what is to be done
        logger.warning("%s of %s waits for the database (%s).", nudge.step, nudge.subject, error)
    return []
