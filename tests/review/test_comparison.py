"""What was asked differently of two versions: word by word in prose, both values elsewhere."""

from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from generation.models import Generation
from review.queries.comparison import Difference, find_differences
from tests.factories import GenerationFactory, MembershipFactory


def differences(here: dict[str, Any], there: dict[str, Any]) -> dict[str, Difference]:
    asked = {"prompt": "", "negative_prompt": "", "model": "m", "width": 96, "height": 64}
    found = find_differences(Generation(**{**asked, **here}), Generation(**{**asked, **there}))
    return {difference.name: difference for difference in found}


def told(difference: Difference) -> list[tuple[str, str]]:
    return [(piece.kind, piece.words) for piece in difference.pieces]


def test_prose_is_compared_word_by_word() -> None:
    found = differences({"prompt": "a navy board, warm light"}, {"prompt": "an amber board, light"})
    assert told(found["Prompt"]) == [
        ("gone", "an amber"), ("new", "a navy"), ("same", "board,"), ("new", "warm"), ("same", "light"),
    ]  # fmt: skip
    assert list(found) == ["Prompt"]


def test_what_stands_far_from_a_change_is_left_out() -> None:
    start, middle, end = ([f"{name}{index}" for index in range(20)] for name in "abc")
    there = " ".join([*start, "old", *middle, "x", *end])
    here = " ".join([*start, "new", *middle, "y", *end])
    pieces = told(differences({"prompt": here}, {"prompt": there})["Prompt"])
    assert pieces[0] == ("same", "… a14 a15 a16 a17 a18 a19")
    assert pieces[3] == ("same", "b0 b1 b2 b3 b4 b5 … b14 b15 b16 b17 b18 b19")
    assert pieces[-1] == ("same", "c0 c1 c2 c3 c4 c5 …")


def test_values_are_told_on_both_sides_and_very_long_prose_as_well() -> None:
    found = differences({"seed": 7, "direction": "Warmer."}, {"seed": None, "guidance": 3.5})
    assert (found["Seed"].here, found["Seed"].there, found["Seed"].pieces) == ("7", "none", ())
    assert (found["Guidance"].here, found["Guidance"].there) == ("none", "3.5")
    assert (found["Direction"].here, found["Direction"].there, found["Direction"].pieces) == ("Warmer.", "none", ())
    assert differences({"prompt": "a " * 1000}, {"prompt": "b " * 1000})["Prompt"].pieces == ()


@pytest.mark.django_db
def test_the_loupe_marks_what_went_and_what_came(client: Client) -> None:
    one = GenerationFactory(ready=True, prompt="An amber <b>board</b>")
    two = GenerationFactory(ready=True, shot=one.shot, prompt="A navy <b>board</b>")
    client.force_login(MembershipFactory(workspace=one.workspace).user)
    page = client.get(reverse("loupe", args=[two.pk]), {"compare": one.pk}).content.decode()
    text = " ".join(page.split())
    assert '<del><span class="visually-hidden">no longer:</span> An amber</del>' in text
    assert '<ins><span class="visually-hidden">new:</span> A navy</ins> &lt;b&gt;board&lt;/b&gt;' in text
