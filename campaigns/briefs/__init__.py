"""What people bring to a campaign: a brief as text, posts.json, or a table.

Bytes in; posts, text or one clear error out. Pure: no database, no settings. An import is
whole, or it is refused with every problem named; nothing is taken in by half.
"""

from campaigns.briefs.details import Terms, find_terms
from campaigns.briefs.posts import read_posts
from campaigns.briefs.tables import read_table
from campaigns.briefs.text import read_brief
from campaigns.briefs.types import BriefError, Import, Limits, Post
from campaigns.briefs.upload import read_upload

__all__ = [
    "BriefError",
    "Import",
    "Limits",
    "Post",
    "Terms",
    "find_terms",
    "read_brief",
    "read_posts",
    "read_table",
    "read_upload",
]
