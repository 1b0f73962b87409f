"""The loupe: what it shows, where it goes next, its doors for verdicts, marks and comments."""

import json
import re
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from campaigns.models import Campaign, User
from generation.models import Generation, GenerationEvent, GenerationState
from review.models import Annotation, Comment, Decision, Standing, Verdict
from review.services.annotations import save_marks
from review.services.assignments import assign_images
from review.services.comments import add_comment
from review.services.verdicts import record_verdict
from tests.factories import (
    CampaignFactory,
    GenerationFactory,
    MembershipFactory,
    ShotFactory,
    SignOffFactory,
    UserFactory,
    VerdictFactory,
    store_picture,
)

pytestmark = pytest.mark.django_db
JSON = {"Accept": "application/json"}


@pytest.fixture
def campaign() -> Campaign:
    return CampaignFactory()


@pytest.fixture
def ana(campaign: Campaign, client: Client) -> User:
    user = MembershipFactory(workspace=campaign.workspace, user__name="Ana Moreau").user
    client.force_login(user)
    return user


def image(campaign: Campaign, **fields: Any) -> Generation:
    return GenerationFactory(**{"shot": ShotFactory(campaign=campaign), "ready": True, **fields})


def address(generation: Generation, door: str = "loupe", query: str = "") -> str:
    return reverse(door, kwargs={"pk": generation.pk}) + (f"?{query}" if query else "")


def attribute(page: str, name: str) -> str:
    found = re.search(rf'data-{name}="([^"]*)"', page)
    assert found, name
    return found[1].replace("&amp;", "&")


def mark(name: str = "mark-0001", **fields: Any) -> dict[str, Any]:
    target = {"selector": {"type": "FragmentSelector", "value": "xywh=pixel:10,20,30,40"}}
    return {"id": name, "shape": "rectangle", "kind": "change", "target": target, **fields}


def test_everything_about_the_image_is_on_the_page(client: Client, campaign: Campaign, ana: User) -> None:
    row = image(
        campaign, scored=6.1, seed=384120773, guidance=3.5, steps=28, direction="Raise mood match: warmer.", attempt=2
    )
    GenerationEvent.objects.create(generation=row, origin="scoring", to="ready", note="")
    record_verdict(
        generation=row, decision=Decision.REJECTED, by=ana, seen_version=0, reason="anatomy", note="six fingers"
    )
    save_marks(generation=row, by=ana, additions=[mark(text="Lift the <b>shadow</b>")])
    add_comment(generation=row, by=ana, text="On the whole")
    page = client.get(address(row)).content.decode()
    for words in (
        row.prompt, row.negative_prompt, row.sha256, row.pk, row.ticket, campaign.title, "384120773", "3.5", "28",
        "Raise mood match: warmer.", "attempt 2", "A reason for composition.",
        "Below the bar of 7.0. Weakest: mood match.",
        "Rejected by Ana Moreau", "six fingers", "On the whole", "Lift the &lt;b&gt;shadow&lt;/b&gt;", "96 × 64",
    ):  # fmt: skip
        assert words in page, words
    assert "Traceback" not in page


def test_a_score_just_below_the_bar_does_not_read_as_the_bar(client: Client, campaign: Campaign, ana: User) -> None:
    row = image(campaign, scored=6.96)
    page = client.get(address(row)).content.decode()
    assert 'score-total below">6.9<' in page
    sheet = client.get(reverse("sheet", args=[campaign.pk])).content.decode()
    assert re.search(r"\b6\.9<", sheet)
    assert not re.search(r"\b7\.0<", sheet)


def test_the_neighbours_follow_the_filtered_order_and_carry_it(client: Client, campaign: Campaign, ana: User) -> None:
    best, middle, worst = (image(campaign, scored=score) for score in (9.0, 8.0, 7.0))
    image(campaign, scored=5.0)
    query = "score_from=6&sort=best"
    page = client.get(address(middle, query=query)).content.decode()
    assert attribute(page, "previous") == address(best, query=query)
    assert attribute(page, "next") == address(worst, query=query)
    assert attribute(page, "unreviewed") == address(worst, query=query)
    VerdictFactory(generation=worst, by=ana)
    page = client.get(address(middle, query=query)).content.decode()
    assert attribute(page, "unreviewed") == address(best, query=query)  # once around
    first = client.get(address(best, query=query)).content.decode()
    assert attribute(first, "previous") == ""
    assert attribute(first, "sheet").endswith(f"/sheet/?{query}#frame-{best.pk}")


def test_the_film_shows_the_stack_newest_first(client: Client, campaign: Campaign, ana: User) -> None:
    one = image(campaign)
    two = image(campaign, shot=one.shot)
    GenerationFactory(shot=one.shot, failed=True)
    page = client.get(address(one)).content.decode()
    links = re.findall(r'href="([^"]+)"\s+data-version-link(\s+aria-current="true")?', page)
    assert [(link, bool(here)) for link, here in links] == [(address(two), False), (address(one), True)]


def test_the_film_asks_for_itself_while_a_version_is_on_its_way(client: Client, campaign: Campaign, ana: User) -> None:
    one = image(campaign)
    two = GenerationFactory(shot=one.shot, rendering=True)
    strip = f"{address(one)}film/"
    page = client.get(address(one)).content.decode()
    assert f'hx-get="{strip}"' in page
    assert address(two) not in page  # it leads nowhere yet
    store_picture(two)
    two.state = GenerationState.READY
    two.save()
    film = client.get(strip, headers={"HX-Request": "true"}).content.decode()
    assert address(two) in film
    assert "hx-get" not in film


def test_the_next_one_comes_as_a_fragment(client: Client, campaign: Campaign, ana: User) -> None:
    row = image(campaign)
    answer = client.get(address(row), headers={"HX-Request": "true"})
    assert "<html" not in answer.content.decode()
    assert 'id="loupe"' in answer.content.decode()
    assert "HX-Request" in answer["Vary"]


def test_few_and_many_take_the_same_queries(client: Client, campaign: Campaign, ana: User) -> None:
    def count(row: Generation) -> int:
        with CaptureQueriesContext(connection) as captured:
            assert client.get(address(row)).status_code == 200
        return len(captured.captured_queries)

    def fill(row: Generation, number: int) -> None:
        for index in range(number):
            save_marks(generation=row, by=UserFactory(), additions=[mark(f"{row.pk[-20:]}-{index}", text="here")])
            add_comment(generation=row, by=UserFactory(), text="words")
            VerdictFactory(generation=image(campaign, shot=row.shot, scored=8))
            VerdictFactory(generation=row)
            GenerationEvent.objects.create(generation=row, origin="queued", to="submitting", by=UserFactory())

    few, many = image(campaign, scored=8), image(campaign, scored=8)
    image(campaign)
    fill(few, 1)
    fill(many, 12)
    assert count(few) == count(many) <= 24


def test_an_independent_first_look_hides_score_and_colleagues(client: Client, campaign: Campaign, ana: User) -> None:
    Campaign.objects.filter(pk=campaign.pk).update(independent_first_look=True)
    row = image(campaign, scored=6.1)
    VerdictFactory(generation=row, by=UserFactory(name="Ben"), decision=Decision.REJECTED, reason="legal")
    page = client.get(address(row)).content.decode()
    assert "Hidden until you have decided" in page
    assert "Ben" not in page
    assert "6.1" not in page
    answer = client.post(address(row, "verdict"), {"decision": "approved", "seen_version": "0"}, headers=JSON)
    assert answer.status_code == 200
    page = client.get(address(row)).content.decode()
    assert "Ben" in page
    assert "6.1" in page


@pytest.mark.parametrize("door", ["loupe", "marks", "marks-download"])
def test_another_houses_image_does_not_exist(client: Client, ana: User, door: str) -> None:
    assert client.get(address(image(CampaignFactory()), door)).status_code == 404
    assert client.get(reverse(door, kwargs={"pk": "gen_nothing"})).status_code == 404


@pytest.mark.parametrize("door", ["verdict", "marks", "comments"])
def test_another_houses_image_takes_nothing(client: Client, ana: User, door: str) -> None:
    theirs = image(CampaignFactory())
    form = {"decision": "approved", "seen_version": "0", "text": "hello"}
    assert client.post(address(theirs, door), form).status_code == 404
    assert not any(model.objects.exists() for model in (Verdict, Comment, Annotation))


@pytest.mark.parametrize("door", ["verdict", "comments"])
def test_doors_that_write_are_not_opened_by_looking(client: Client, campaign: Campaign, ana: User, door: str) -> None:
    assert client.get(address(image(campaign), door)).status_code == 405


def test_a_verdict_by_script(client: Client, campaign: Campaign, ana: User) -> None:
    row = image(campaign)
    form = {"decision": "rejected", "reason": "text", "seen_version": "0"}
    answer = client.post(address(row, "verdict"), form, headers=JSON)
    assert answer.json() == {"id": row.pk, "decision": "rejected", "version": 1, "words": "Rejected by Ana Moreau"}
    undone = client.post(address(row, "verdict"), {"decision": "undo", "seen_version": "1"}, headers=JSON)
    assert undone.json() == {"id": row.pk, "decision": "", "version": 2, "words": ""}


def test_a_stale_and_a_signed_verdict_answer_409(client: Client, campaign: Campaign, ana: User) -> None:
    row = image(campaign)
    record_verdict(generation=row, decision=Decision.APPROVED, by=UserFactory(name="Ben"), seen_version=0)
    form = {"decision": "changes", "seen_version": "0"}
    stale = client.post(address(row, "verdict"), form, headers=JSON)
    assert stale.status_code == 409
    assert stale.json() == {
        "id": row.pk,
        "decision": "approved",
        "version": 1,
        "words": "Approved by Ben",
        "message": "Ben approved it while you were looking.",
        "locked": False,
    }
    SignOffFactory(generation=row, by=UserFactory(name="Cleo"))
    signed = client.post(address(row, "verdict"), {**form, "seen_version": "2"}, headers=JSON)
    assert signed.status_code == 409
    assert signed.json()["locked"] is True
    assert "signed by Cleo" in signed.json()["message"]
    assert Standing.objects.get(pk=row.pk).decision == "signed"
    page = client.get(address(row)).content.decode()
    assert "The shot is locked" in page
    assert 'id="decide"' not in page


def test_a_signed_picture_offers_only_what_works_on_it(client: Client, campaign: Campaign, ana: User) -> None:
    row = image(campaign)
    offers = ("<kbd>E</kbd>", 'id="assign-open"', "data-unassign", "data-set-kind", "data-resolve", "data-delete")
    page = talk_and_assigned(client, row)
    save_marks(generation=row, by=ana, additions=[mark(text="Lift the shadow")])
    assign_images([row], to=ana, by=ana)
    page += talk_and_assigned(client, row)
    assert [words for words in offers if words not in page] == []
    SignOffFactory(generation=row)
    signed = talk_and_assigned(client, row)
    assert [words for words in offers if words in signed] == []
    assert "Lift the shadow" in signed
    assert 'id="send-whole"' in signed
    unmarked = image(campaign)
    SignOffFactory(generation=unmarked)
    assert "<kbd>E</kbd>" not in talk_and_assigned(client, unmarked)


def test_a_version_beside_a_signed_one_says_so_and_offers_no_decision_and_no_marks(
    client: Client, campaign: Campaign, ana: User
) -> None:
    row = image(campaign)
    save_marks(generation=row, by=ana, additions=[mark(text="Lift the shadow")])
    signed = image(campaign, shot=row.shot)
    offers = ('id="decide"', 'data-reviewable="yes"', "data-set-kind", "data-resolve", "data-delete", 'id="revise"')
    page = client.get(address(row)).content.decode()
    assert [words for words in offers if words not in page] == []
    SignOffFactory(generation=signed, by=UserFactory(name="Cleo Marchetti"))
    page = client.get(address(row)).content.decode()
    assert [words for words in offers if words in page] == []
    assert f"Version {signed.version}: Signed by Cleo Marchetti" in page
    assert "Lift the shadow" in page
    talk = client.post(address(row, "comments"), {"text": "A word"}).content.decode()
    assert "A word" in talk
    assert [words for words in offers if words in talk] == []


def talk_and_assigned(client: Client, row: Generation) -> str:
    """The part of the page where marks, comments and those who are asked stand."""
    page = client.get(address(row)).content.decode()
    return page[page.index('id="talk"') : page.index('id="prompt-title"')]


@pytest.mark.parametrize(
    "form",
    [
        {},
        {"decision": "approved"},
        {"decision": "approved", "seen_version": "-1"},
        {"decision": "approved", "seen_version": "9" * 40},
        {"decision": "approved", "seen_version": "²"},
        {"decision": "rejected", "seen_version": "0"},
        {"decision": "rejected", "seen_version": "0", "reason": "\x00"},
        {"decision": "undo", "seen_version": "0"},
        {"decision": "hanged", "seen_version": "0"},
    ],
)
def test_bad_verdicts_are_answered_in_words(
    client: Client, campaign: Campaign, ana: User, form: dict[str, str]
) -> None:
    row = image(campaign)
    answer = client.post(address(row, "verdict"), form, headers=JSON)
    assert answer.status_code == 422
    assert answer.json()["message"].endswith(".")
    assert not Verdict.objects.exists()
    assert client.post(address(row, "verdict"), form).status_code == 302  # a form without script goes back to the page


def test_an_expired_sign_in_is_told_and_not_redirected(client: Client, campaign: Campaign) -> None:
    row = image(campaign)
    assert client.post(address(row, "verdict"), {"decision": "approved"}, headers=JSON).status_code == 401
    assert client.post(address(row, "marks"), "{}", content_type="application/json", headers=JSON).status_code == 401


def test_marks_by_script(client: Client, campaign: Campaign, ana: User) -> None:
    row = image(campaign)

    def send(**parcel: Any) -> dict[str, Any]:
        answer = client.post(address(row, "marks"), json.dumps(parcel), content_type="application/json", headers=JSON)
        assert answer.status_code == 200
        return dict(answer.json())

    told = send(additions=[mark(text="Lift it"), mark("bad", shape="circle")])
    assert told["saved"] == ["mark-0001"]
    assert list(told["refused"]) == ["bad"]
    assert told["marks"][0]["left"] == pytest.approx(10 / 96 * 100, abs=0.01)
    assert 'id="mark-mark-0001"' in told["html"]
    told = send(changes=[{"id": "mark-0001", "version": 7, "kind": "keep"}])
    assert list(told["conflicts"]) == ["mark-0001"]
    assert client.get(address(row, "marks"), headers=JSON).json()["marks"][0]["kind"] == "change"
    page = client.get(address(row, "marks-download")).json()
    assert page["type"] == "AnnotationPage"
    assert page["items"][0]["target"]["selector"]["value"] == "xywh=pixel:10,20,30,40"
    assert [body["value"] for body in page["items"][0]["body"]] == ["change", "Lift it"]


@pytest.mark.parametrize(
    "body", ["", "[]", "nonsense", '{"additions": {}}', '{"additions": "x"}', "[" * 100_000, "\xff"]
)
def test_what_is_no_parcel_is_refused(client: Client, campaign: Campaign, ana: User, body: str) -> None:
    answer = client.post(
        address(image(campaign), "marks"), body.encode("latin-1"), content_type="application/json", headers=JSON
    )
    assert answer.status_code == 409
    assert "Reload the page" in answer.json()["message"]


def test_comments_answer_with_the_talk_and_keep_what_was_typed(client: Client, campaign: Campaign, ana: User) -> None:
    row = image(campaign)
    answer = client.post(address(row, "comments"), {"text": "Warmer, please"})
    assert answer.status_code == 200
    assert "Warmer, please" in answer.content.decode()
    long = "x" * 4001
    refused = client.post(address(row, "comments"), {"text": long})
    assert refused.status_code == 422
    assert long in refused.content.decode()
    assert "Shorten it" in refused.content.decode()
    assert client.post(address(row, "comments"), {"text": "a", "annotation": "nothing"}).status_code == 404


def test_an_unfinished_image_shows_that_it_is(client: Client, campaign: Campaign, ana: User) -> None:
    page = client.get(address(image(campaign, ready=False, rendering=True))).content.decode()
    assert "There is no picture yet." in page
    assert 'id="decide"' not in page


def test_a_version_of_which_no_picture_came_says_why_and_where_to_go_on(
    client: Client, campaign: Campaign, ana: User
) -> None:
    refused = image(campaign, ready=False, refused=True, error_text="flagged as sensitive (E005)")
    parked = image(campaign, ready=False, failed=True)
    page = client.get(address(refused)).content.decode()
    assert "Refused by a safety filter. flagged as sensitive (E005)" in page
    assert f"#shot-{refused.shot_id}" in page
    assert "There was nothing to score." in page
    other = client.get(address(parked)).content.decode()
    assert "Could not be made" in other
    assert "Traceback" not in other


def test_two_versions_are_compared_by_address(client: Client, campaign: Campaign, ana: User) -> None:
    old = image(campaign, seed=11, guidance=3.5)
    new = image(campaign, shot=old.shot, seed=12, guidance=3.5, direction="Warmer.")
    page = client.get(address(new, query=f"compare={old.pk}&mode=wipe")).content.decode()
    assert 'data-mode="wipe"' in page
    assert f'alt="{old.shot.title}, version 1"' in page
    side = r"<dd> ?<span[^>]*>v%d</span> ([^<]*?) ?</dd>"
    differences = re.findall(rf"<dt>(\w+)</dt> ?{side % 1} ?{side % 2}", " ".join(page.split()))
    assert differences == [("Seed", "11", "12"), ("Direction", "none", "Warmer.")]


@pytest.mark.parametrize("other", ["gen_nothing", "theirs", "itself", "\x00", "x" * 400])
def test_what_cannot_be_compared_is_left_out(client: Client, campaign: Campaign, ana: User, other: str) -> None:
    row = image(campaign)
    wanted = {"theirs": image(CampaignFactory()).pk, "itself": row.pk}.get(other, other)
    answer = client.get(address(row), {"compare": wanted, "mode": "upside-down"})
    assert answer.status_code == 200
    assert "data-compare" not in answer.content.decode()
