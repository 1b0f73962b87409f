"""Corrective sentences: how the critic names what is wrong, and how the renderer reads it back.

Both sides live here so that a correction the critic can ask for is always one the renderer can make.
"""

import re
from dataclasses import dataclass

# A sentence is corrective where it opens like one, or quotes a dimension with its score ("Composition 5.1: …").
CORRECTIVE = re.compile(
    r"\bcorrect(?:ion|ive|ing)?\b[^.]*"
    r"|\b(?:composition|relevance|coherence|mood(?:[ _]match)?|brand[ _]fit) \d+(?:\.\d)?\b"
    r"|\b(?:brighter|darker|warmer|cooler|sharper|(?:more|less|softer) contrast|more saturated|less saturated"
    r"|lift the shadows|hold back the highlights|closer to the palette|cleaner grain|more empty space"
    r"|move the subject|step closer|step back|centre the subject|balance the frame)\b",
    re.IGNORECASE,
)

# How people complain of a spot, and the correction they mean.
COMPLAINTS = {
    r"too (?:dark|black|dim|murky)|underexposed|lighten|lighter": "brighter, lift the shadows",
    r"too (?:bright|light|white)|overexposed|blown(?: out)?|burnt out|darken": "darker, hold back the highlights",
    r"shadows? (?:is |are )?too (?:hard|harsh|deep|strong|heavy)": "lift the shadows, softer contrast",
    r"soft(?:er|en)(?: the)? shadows?|(?:hard|harsh) shadows?": "lift the shadows, softer contrast",
    r"too (?:contrasty|hard|harsh)": "softer contrast",
    r"too flat|lacks? (?:contrast|depth)|more (?:depth|punch)": "more contrast",
    r"too (?:warm|yellow|orange|red)": "cooler",
    r"too (?:cold|cool|blue)": "warmer",
    r"too (?:loud|saturated|colou?rful|garish)": "less saturated",
    r"too (?:pale|dull|grey|gray)": "more saturated",
    r"blurr(?:y|ed)|out of focus|too soft|not sharp": "sharper",
    r"nois[ey]|grainy|dust(?:y)?|scratch\w*|dirt\w*|wrinkl\w*|smudg\w*": "cleaner",
}


@dataclass(frozen=True, slots=True)
class Corrections:
    """What a retry must repair, each a signed count of how often it was asked (0: not at all)."""

    place: bool = False  # the placement was criticised: stand exactly where the words say
    shift: int = 0  # -1 to the left, 1 to the right
    size: int = 0  # 1 closer, -1 further away
    exposure: int = 0
    warmth: int = 0
    contrast: int = 0
    saturation: int = 0
    sharpness: int = 0
    clean: int = 0
    palette: int = 0
    shadows: int = 0
    highlights: int = 0

    @property
    def any(self) -> bool:
        """Whether anything was asked."""
        return self != Corrections()


def read_corrections(text: str) -> Corrections:
    """Read corrective sentences. Only imperative phrases count: "sits right of centre" does not."""
    lowered = text.lower()

    def count(pattern: str) -> int:
        return len(re.findall(pattern, lowered))

    left = count(r"(?:move|shift|place|put) the subject (?:further )?(?:to|into|on|in|towards)? ?(?:the )?left")
    right = count(r"(?:move|shift|place|put) the subject (?:further )?(?:to|into|on|in|towards)? ?(?:the )?right")
    left += count(r"more (?:empty|negative) space on the right") if not left else 0
    right += count(r"more (?:empty|negative) space on the left") if not right else 0
    return Corrections(
        place=bool(
            re.search(r"\b(?:centre|center|move|shift|place) the subject|balance the frame|empty space", lowered)
        ),
        shift=(right > 0) - (left > 0),
        size=count(r"\bstep closer|\blarger in the frame|\bbigger subject")
        - count(r"\bstep back|\bsmaller in the frame"),
        exposure=count(r"\bbrighter\b|\bmore light\b|\braise the exposure\b")
        - count(r"\bdarker\b|\bless light\b|\blower the exposure\b"),
        warmth=count(r"\bwarmer\b") - count(r"\bcooler\b|\bcolder\b"),
        contrast=count(r"\bmore contrast\b|\bpunchier\b") - count(r"\bless contrast\b|\bsofter contrast\b"),
        saturation=count(r"\bmore saturated\b|\bricher colou?rs?\b") - count(r"\bless saturated\b|\bmore muted\b"),
        sharpness=count(r"\bsharper\b|\bin focus\b"),
        clean=count(r"\bcleaner\b|\bless noise\b|\bless grain\b|\bclean grain\b"),
        palette=count(r"\bcloser to the (?:brand )?palette\b|\bon palette\b"),
        shadows=count(r"\blift the shadows\b|\bopen the shadows\b"),
        highlights=count(r"\bhold back the highlights\b|\bprotect the highlights\b"),
    )


def as_instruction(words: str) -> str:
    """People's words of a spot with what they complain of turned into the correction: "too dark" asks for brighter."""
    for complaint, correction in COMPLAINTS.items():
        words = re.sub(rf"\b(?:{complaint})\b", correction, words, flags=re.IGNORECASE)
    return words
