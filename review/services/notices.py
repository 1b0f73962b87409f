"""What reaches whose inbox. Only writer of new Notices and their deliveries.

Nobody is told of what they did themselves.
"""

from collections.abc import Iterable

from campaigns.models import User
from generation.models import Generation
from review.models import Notice, NoticeDelivery
from review.services.notice_channels import CHANNELS, one_line

LONGEST_TEXT = 300


def notify(
    *, people: Iterable[User], by: User, kind: Notice.Kind, text: str, about: Generation, one_image: bool = True
) -> list[Notice]:
    """Write one notice a person but for `by`, and a delivery for each channel that they want.

    `one_image`: it leads to that image.
    """
    notices = Notice.objects.bulk_create(
        [
            Notice(
                workspace_id=about.workspace_id,
                user=person,
                kind=kind,
                text=one_line(text, longest=LONGEST_TEXT),
                generation=about if one_image else None,
                campaign_id=about.campaign_id,
            )
            for person in people
            if person.pk != by.pk
        ]
    )
    NoticeDelivery.objects.bulk_create(
        NoticeDelivery(notice=notice, channel=name)
        for notice in notices
        for name, channel in CHANNELS.items()
        if channel.is_wanted_by(notice.user)
    )
    return notices
