"""What a picture shows, in words, to begin an alt text from. Pure: a proposal that a person edits and answers for."""

import re

from django.utils.text import Truncator

# Longer ones are read out whole by a screen reader, without a pause to leave.
MOST_CHARACTERS = 250
_MEDIUM = re.compile(r"^(?:(?:macro|product|poster|studio|editorial) )?(?:photograph|photo|illustration)\s*:\s*", re.I)
# Sentences of a prompt that speak to the model, not of what is to be seen.
_TO_THE_MODEL = re.compile(
    r"^(?:theme|mood|brand|colou?r palette|palette|aspect ratio|correct \w+|format|style|no |without |avoid |keep |"
    r"words as described)\b",
    re.IGNORECASE,
)
_COLOUR_CODE = re.compile(r"\s*#[0-9a-f]{6}\b", re.IGNORECASE)


def propose_alt_text(*, prompt: str, description: str, title: str) -> str:
    """The scene of the shot's prompt and its light; where nothing was written yet, the description, else the title.

    A prompt says what is to be seen; a description may be the campaign's own copy.
    """
    sentences = [part.strip() for part in re.split(r"(?<=[.!?])\s+", " ".join(prompt.split())) if part.strip()]
    shown = [sentence for sentence in sentences if not _TO_THE_MODEL.match(sentence)][:2]
    words = _COLOUR_CODE.sub("", _MEDIUM.sub("", " ".join(shown))) or description or title
    words = words[:1].upper() + words[1:]
    return Truncator(words).chars(MOST_CHARACTERS)
