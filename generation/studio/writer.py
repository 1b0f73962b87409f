"""The studio's own prompt writer: rules and tables, no key, no network, the same answer every time.

It reads what a brief says, fills the structured prompt, softens and corrects wordings. It
understands words, not meaning, and its answers say so by their model name. Texts are data:
"ignore previous instructions" is just a sentence about a picture.
"""

import re

from generation.rules.revisions import Revision, in_order, write_revision
from generation.rules.values import BrandGuide, BriefReading, RewrittenPrompt, ShotIdea, Usage, WrittenPrompt
from generation.studio import brief_reading
from generation.studio.corrections import read_corrections
from generation.studio.prompting import structure_prompt
from generation.studio.softening import soften_prompt
from generation.studio.wording import WORD_LIMIT, as_clause, clean, clip_words, limit_words, one_line

MODEL = "studio-writer-1"

# The rubric's dimensions in words.
DIMENSIONS = {
    "composition": "composition",
    "relevance": "relevance",
    "coherence": "coherence",
    "mood_match": "mood match",
    "brand_fit": "brand fit",
}
_MOST_REASON_WORDS = 32
# Critics open their reason with the dimension and its score; the sentence names the dimension itself.
_SCORE_BEFORE = re.compile(rf"^\s*(?:{'|'.join(DIMENSIONS.values())}):? \d+(?:\.\d+)?(?: of 10)?: ", re.IGNORECASE)
_CORRECTION = re.compile(rf"\s*\bCorrect (?:{'|'.join(DIMENSIONS.values())}): .*?(?:[.!?](?=\s|$)|$)", re.DOTALL)

# A reason that names a fault but no remedy gets the remedy that the renderer and image models understand.
_REMEDIES: tuple[tuple[str, str], ...] = (
    (r"too dark|under-?exposed|gloomy", "brighter"),
    (r"too bright|over-?exposed|washed out|blown", "darker, hold back the highlights"),
    (r"clipp\w* (?:high\w*|white\w*)|highlights", "hold back the highlights"),
    (r"clipp\w* (?:shadow\w*|black\w*)|crushed|blocked", "lift the shadows"),
    (r"flat|low contrast|dull", "more contrast"),
    (r"harsh|too contrasty|hard contrast", "less contrast"),
    (r"too (?:cold|cool)|bluish", "warmer"),
    (r"too warm|yellowish|orange cast", "cooler"),
    (r"garish|over-?saturated|too colou?rful", "less saturated"),
    (r"washed|under-?saturated|pale colou?rs|too muted", "more saturated"),
    (r"blur\w*|soft focus|unsharp|not sharp", "sharper"),
    (r"nois\w*|grain\w*|artefact\w*|artifact\w*", "cleaner grain"),
    (r"palette|colou?rs? (?:are )?off|off-brand|brand colou?rs?", "closer to the palette"),
    (r"crowded|clutter\w*|no (?:negative|empty) space|cramped", "more empty space"),
    (r"too small|tiny|lost in", "step closer"),
    (r"too (?:large|big|close)|cut off|cropped", "step back"),
    (r"unbalanced|off-?cent(?:re|er)|heavy|tilted|balance", "balance the frame"),
)
_REMEDY_BY_DIMENSION = {
    "composition": "balance the frame, one clear subject",
    "relevance": "show the described subject, whole and recognisable",
    "coherence": "cleaner grain, every object whole and true to nature",
    "mood_match": "let light and colour follow the mood",
    "brand_fit": "closer to the palette",
}


class LocalPromptWriter:
    """Honours PromptWriter with rules. Costs nothing, never refuses, never raises on any text."""

    name = "local"

    def read_brief(self, *, brief: str, brand: BrandGuide | None) -> BriefReading:
        """What the brief says in its own words, and the shots it names (else hero, lifestyle, detail, social)."""
        reading = brief_reading.read(brief, brand_mood=brand.mood if brand else ())
        return BriefReading(
            title=reading.title,
            key_points=reading.key_points,
            mood=reading.mood,
            shots=reading.shots,
            sensitive=reading.sensitive,
            usage=_usage(),
        )

    def write_prompt(self, *, idea: ShotIdea, campaign_mood: str, brand: BrandGuide | None) -> WrittenPrompt:
        """Scene from title and description; light, palette and composition from the lookbook; under 120 words."""
        prompt = structure_prompt(idea=idea, campaign_mood=campaign_mood, brand=brand)
        return WrittenPrompt(prompt=prompt, usage=_usage())

    def soften(self, *, prompt: str, refusal: str) -> RewrittenPrompt:
        """Softer words first; where there is nothing left to replace, fewer words."""
        return RewrittenPrompt(text=soften_prompt(prompt, refusal), usage=_usage())

    def direct(self, *, prompt: str, weakest: str, reason: str) -> RewrittenPrompt:
        """The prompt (under 120 words) and one sentence after it: "Correct composition: ..."; an earlier one goes."""
        base = limit_words(_CORRECTION.sub("", prompt).strip(), WORD_LIMIT)
        sentence = _correct(weakest, reason)
        return RewrittenPrompt(text=f"{base} {sentence}".strip(), usage=_usage())

    def compile_revision(self, revision: Revision) -> RewrittenPrompt:
        """People's own words, cleaned, each in its place."""
        regions = [one_line(note.words) for note in in_order(revision.regions)]
        remarks = [one_line(remark) for remark in revision.remarks]
        return RewrittenPrompt(text=write_revision(revision, regions=regions, remarks=remarks), usage=_usage())


def _correct(weakest: str, reason: str) -> str:
    """One sentence: the critic's reason, and the remedy where the reason names none."""
    dimension = DIMENSIONS.get(weakest, clean(weakest.replace("_", " "))[:40] or "relevance")
    said = clip_words(as_clause(_SCORE_BEFORE.sub("", one_line(reason))), _MOST_REASON_WORDS)
    instruction = said
    if not read_corrections(said).any:
        remedy = _REMEDY_BY_DIMENSION.get(weakest, "follow the description more closely")
        for words, better in _REMEDIES:
            if re.search(rf"\b(?:{words})\b", said.lower()):
                remedy = better
                break
        instruction = f"{said}, so {remedy}" if said else remedy
    return f"Correct {dimension}: {instruction.rstrip('.!?,;: ')}."


def _usage() -> Usage:
    return Usage(provider="local", model=MODEL, units={})
