"""Sessions in the database that bring along who is signed in: session, person and memberships in one query.

The database is asked at every request: who signed out, was taken out of a house or changed the password is out
at once. Nothing of it is kept anywhere else.
"""

from functools import lru_cache
from typing import Any

from django.contrib.auth import SESSION_KEY
from django.contrib.sessions.backends.db import SessionStore as DatabaseStore
from django.utils import timezone

from campaigns.database.prepared import Given, Statement
from campaigns.models import Membership, Session, User, Workspace

_PARTS = (("user__", User), ("user__memberships__", Membership), ("user__memberships__workspace__", Workspace))
_NAMES = [(prefix, model, [field.attname for field in model._meta.concrete_fields]) for prefix, model in _PARTS]
_COLUMNS = ["session_data", *(f"{prefix}{name}" for prefix, _, names in _NAMES for name in names)]


class SessionStore(DatabaseStore):
    """Django's store in the database. After loading, `person` is the user of the session and `memberships` theirs,
    the oldest first; None and empty before that and for strangers.
    """

    def __init__(self, session_key: str | None = None) -> None:
        super().__init__(session_key)
        self.person: User | None = None
        self.memberships: list[Membership] = []

    @classmethod
    def get_model_class(cls) -> type[Session]:
        """The session that names its person."""
        return Session

    def create_model_instance(self, data: dict[str, Any]) -> Session:
        """The row to save; the person is the one that signed in with it."""
        row: Any = super().create_model_instance(data)
        row.user_id = int(data[SESSION_KEY]) if SESSION_KEY in data else None
        return row

    def load(self) -> dict[str, Any]:
        """What the session holds, {} for one that is over or never was. One query."""
        rows = _who_is_there().run(key=self.session_key, now=timezone.now())
        if not rows:
            self._session_key = None
            return {}
        self._bring_along(rows)
        return self.decode(rows[0][0])

    def _bring_along(self, rows: list[tuple[Any, ...]]) -> None:
        person: User | None = None
        for row in rows:
            user, membership, workspace = _objects(row[1:])
            person = person or user
            if membership is not None:
                membership.user, membership.workspace = person, workspace
                self.memberships.append(membership)
        self.person = person


@lru_cache(maxsize=1)
def _who_is_there() -> Statement:
    field = Session._meta.get_field
    found = Session.objects.filter(
        session_key=Given("key", field("session_key")), expire_date__gt=Given("now", field("expire_date"))
    )
    return Statement(found.order_by("user__memberships__created_at", "user__memberships__pk").values_list(*_COLUMNS))


def _objects(values: tuple[Any, ...]) -> list[Any]:
    """User, membership and workspace of a row; None for what it has not."""
    found = []
    for _, model, names in _NAMES:
        part, values = values[: len(names)], values[len(names) :]
        key = part[names.index(model._meta.pk.attname)]
        found.append(None if key is None else model.from_db("default", names, part))
    return found
