"""Small tools for the prompt writer: clean, count, clip and split the words of other people."""

import re
import unicodedata

# product.md: a structured prompt stays under 120 words.
WORD_LIMIT = 119
# The longest words of any brief are shorter; longer ones are keys, data URIs or mistakes.
_LONGEST_WORD = 60

_LINK = re.compile(r"(?:https?://|www\.)|[^@]+@[^@]+\.\w+", re.IGNORECASE)
# Control, formatting (bidirectional, zero-width), surrogate and private characters.
_INVISIBLE = re.compile(
    "[\x00-\x1f\x7f-\xa0\xad\u2000-\u200f\u2028-\u202f\u205f-\u206f\ufeff\ufff0-\uffff\ud800-\udfff\ue000-\uf8ff]+"
)
_MARKUP = re.compile(r"[*_`~|<>{}\[\]\\]+")
# Not behind the stop of a day, as in "due 5. December".
_SENTENCE_END = re.compile(r"(?<=[.!?])(?<!\b\d\.)(?<!\b[123]\d\.)\s+")
_DANGLING = re.compile(
    r"an?|and|as|at|behind|beside|by|for|from|in|into|its|next|of|on|or|over|the|their|to|under|with", re.IGNORECASE
)


def clean(text: str) -> str:
    """One line of plain words: no control characters, links or markup, spaces collapsed, endless words dropped."""
    text = _MARKUP.sub(" ", _INVISIBLE.sub(" ", unicodedata.normalize("NFC", text)))
    return " ".join(word for word in text.split() if len(word) <= _LONGEST_WORD and not _LINK.match(word))


def one_line(text: str) -> str:
    """Invisible characters and endless words gone, spaces collapsed; signs such as L* and # stay."""
    return " ".join(word for word in _INVISIBLE.sub(" ", text).split() if len(word) <= _LONGEST_WORD)


def count_words(text: str) -> int:
    """Words as a person counts them: what stands between spaces."""
    return len(text.split())


def clip_words(text: str, most: int) -> str:
    """The first `most` words, ended at a clause where one is near, never on "with the"."""
    words = text.split()
    if len(words) <= most:
        return " ".join(words)
    words = words[: max(0, most)]
    for back in range(1, min(8, len(words) // 3) + 1):
        if words[-back].endswith((".", ",", ";", ":")):
            words = words[: len(words) - back + 1]
            break
    while words and _DANGLING.fullmatch(words[-1].strip(",;:")):
        words.pop()
    return " ".join(words).rstrip(",;:-")


def split_sentences(text: str) -> list[str]:
    """Sentences by their end marks; a decimal point ends nothing."""
    return [sentence for sentence in _SENTENCE_END.split(text.strip()) if sentence]


def as_sentence(text: str) -> str:
    """First letter upper case, one full stop at the end; empty stays empty."""
    text = text.strip().rstrip(",;:- ")
    if not text:
        return ""
    text = text[0].upper() + text[1:]
    return text if text.endswith((".", "!", "?")) else text + "."


def as_clause(text: str) -> str:
    """Several sentences as one: inner end marks become commas, the last one goes."""
    return re.sub(r"\s*[.!?;]+(?=\s|$)", ",", text.strip()).strip(" ,:-")


def limit_words(text: str, most: int = WORD_LIMIT) -> str:
    """A prompt within `most` words: whole sentences first, the constraints at its end ("No text, ...") always kept."""
    if count_words(text) <= most:
        return text
    sentences = split_sentences(text)
    tail = [sentence for sentence in sentences if re.match(r"(?:no|without|avoid)\b", sentence, re.IGNORECASE)]
    tail_words = sum(map(count_words, tail))
    if tail_words > most // 3:
        tail, tail_words = [], 0
    kept: list[str] = []
    room = most - tail_words
    for sentence in (sentence for sentence in sentences if sentence not in tail):
        words = count_words(sentence)
        if words > room:
            if room >= 4:
                kept.append(as_sentence(clip_words(sentence, room)))
            break
        kept.append(sentence)
        room -= words
    return " ".join(kept + tail)


def unique(values: list[str]) -> list[str]:
    """Without repeats (upper and lower case alike), in the order of first mention."""
    seen: dict[str, str] = {}
    for value in values:
        if value.strip():
            seen.setdefault(value.strip().lower(), value.strip())
    return list(seen.values())
