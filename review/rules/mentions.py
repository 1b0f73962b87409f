"""`@names` in a text: whom they mean. Pure."""

import re
from collections.abc import Sequence

from campaigns.models import User

MENTION = re.compile(r"(?<![\w@.])@([\w.+\-]+@[\w\-]+(?:\.[\w\-]+)+|[\w.\-]+)", re.UNICODE)


def split_mentions(text: str, *, people: Sequence[User]) -> list[tuple[str, bool]]:
    """Cut the text into pieces, in order; True for each `@name` that means one of these people."""
    names = {name for person in people for name in names_of(person)}
    pieces, end = [], 0
    for found in MENTION.finditer(text):
        name = found[1].rstrip(".-")
        if plain_name(name) in names:
            pieces += [(text[end : found.start()], False), (f"@{name}", True)]
            end = found.start() + 1 + len(name)
    return [piece for piece in [*pieces, (text[end:], False)] if piece[0]]


def unknown_names(text: str, *, people: Sequence[User]) -> list[str]:
    """Find the `@names` of a text that mean none of the people whom it reached, as they were typed, each once."""
    names = {name for person in people for name in names_of(person)}
    typed = (name.strip(".-") for name in MENTION.findall(text))
    return list(dict.fromkeys(f"@{name}" for name in typed if name and plain_name(name) not in names))


def plain_name(name: str) -> str:
    """Fold case and drop the punctuation around a name."""
    return name.strip(".-").casefold()


def names_of(user: User) -> set[str]:
    """List what a person may be called: address, its first part, first name, full name without spaces."""
    words = user.name.casefold().split()
    names = {user.email.casefold(), user.email.partition("@")[0].casefold()}
    if words:
        names |= {words[0], "".join(words), ".".join(words), "-".join(words)}
    return names
