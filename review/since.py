"""How long ago something was, in words."""

from datetime import datetime

from django.utils.timesince import timesince


def since_words(at: datetime) -> str:
    """ "just now" within the first minute, then "5 minutes ago" in the largest unit."""
    words = timesince(at, depth=1)
    return "just now" if words.split()[0] == "0" else f"{words} ago"
