"""Who is signed in where."""

from typing import Any

from django.conf import settings
from django.contrib.sessions.base_session import AbstractBaseSession
from django.db import models
from django.utils.module_loading import import_string


class Session(AbstractBaseSession):
    """One browser that is signed in. It names its person, so that both come with one query."""

    user = models.ForeignKey("User", on_delete=models.CASCADE, null=True, blank=True, related_name="sessions")

    @classmethod
    def get_session_store_class(cls) -> type[Any]:
        """Django asks for this where it decodes a session by hand."""
        store: type[Any] = import_string(f"{settings.SESSION_ENGINE}.SessionStore")
        return store
