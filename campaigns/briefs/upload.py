"""One door for whatever is dropped: decided by what is inside, the extension only breaks ties."""

import re

from campaigns.briefs.posts import check_file_size, read_posts
from campaigns.briefs.tables import looks_like_table, read_table
from campaigns.briefs.text import decode, read_brief
from campaigns.briefs.types import DEFAULT_LIMITS, BriefError, Import, Limits

# "[{" or "{"" or an empty list: nobody begins a brief like this. "[x] done" and "[Aurora] launch" are briefs.
_JSON = re.compile(r"\ufeff?\s*(?:\[\s*(?:\{|\[|\]|\"|$)|\{\s*(?:\"|\}|$))")


def read_upload(name: str, content: bytes, limits: Limits = DEFAULT_LIMITS) -> Import | str:
    """An Import from posts.json or a table, or the brief's text. Raises BriefError."""
    check_file_size(content, max_bytes=limits.max_file_bytes)
    if not content:
        raise BriefError("The file is empty. Choose another one.")
    text, _ = decode(content)
    extension = name.rpartition(".")[2].lower()
    if _JSON.match(text) or extension == "json":
        return read_posts(content, most=limits.most_posts, max_bytes=limits.max_file_bytes)
    if extension in ("csv", "tsv") or text.startswith("sep=") or looks_like_table(text):
        return read_table(content, most=limits.most_posts, max_bytes=limits.max_file_bytes)
    return read_brief(text, max_bytes=limits.max_brief_bytes)
