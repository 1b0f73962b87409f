"""Colleagues at an image now, by name. One query where anybody is there, none otherwise."""

from campaigns.models import User
from review.services.presence import read_places


def read_present(workspace_id: int, *, viewer: User) -> dict[str, list[dict[str, str]]]:
    """Who else looks at which image: names and initials by the image's id; only members of the workspace."""
    places = {person: place for person, place in read_places(workspace_id).items() if person != viewer.pk}
    if not places:
        return {}
    present: dict[str, list[dict[str, str]]] = {}
    for user in User.objects.filter(pk__in=places, memberships__workspace_id=workspace_id).order_by("pk").distinct():
        present.setdefault(places[user.pk], []).append({"name": str(user), "initials": user.initials})
    return present
