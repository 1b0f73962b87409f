"""What must not be in a picture, as each model can be told. Pure."""

import re
from collections.abc import Collection

from generation.catalogue.schema import CatalogueModel

# What a shot may want although it is usually kept out: words that show that it does.
_WANTED = {
    "text": r"\b(text|words?|letter(s|ing)?|headline|slogan|typograph\w*)\b",
    "logo": r"\blogos?\b",
    "hands": r"\b(hands?|fingers?|holding|holds)\b",
    "person": r"\b(persons?|people|m[ae]n|wom[ae]n|child(ren)?|someone|faces?|portrait|wear(s|ing)|runners?)\b",
}


def fold_constraints(model: CatalogueModel, prompt: str, negative: str) -> tuple[str, str]:
    """(prompt, negative prompt) as the model can take them.

    Where it has no negative prompt, what must not be in the picture is said at the end of the prompt; what the
    prompt already forbids in these words is not said twice.
    """
    if model.supports_negative or not negative.strip():
        return prompt, negative if model.supports_negative else ""
    said = prompt.casefold()
    unwanted: list[str] = []
    for part in negative.replace("\n", ",").split(","):
        word = part.strip().strip(".")
        if word and f"no {word.casefold()}" not in said and word.casefold() not in map(str.casefold, unwanted):
            unwanted.append(word)
    if not unwanted:
        return prompt, ""
    body = prompt.rstrip()
    if body and body[-1] not in ".!?":
        body += "."
    return f"{body} The picture shows none of these: {', '.join(unwanted)}.".strip(), ""


def usual_constraints(
    model: CatalogueModel, *, given: Collection[str], shows: str, wants_text: bool
) -> tuple[str, ...]:
    """`given`, and the model's usual ones where the shot wants none of them. `shows`: what is to be seen, in words."""
    constraints = list(given)
    known = {entry.casefold().rstrip("s") for entry in constraints}
    for usual in filter(None, (part.strip() for part in model.default_negative.split(","))):
        wanted = (usual == "text" and wants_text) or re.search(_WANTED.get(usual, r"(?!)"), shows, re.IGNORECASE)
        if not wanted and usual.rstrip("s") not in known:
            constraints.append(usual)
    return tuple(constraints)
