"""The contact sheet: filters, keyset pages, a fixed number of queries, other houses' images do not exist."""

import re
from datetime import timedelta
from decimal import Decimal
from types import SimpleNamespace
from typing import Any

import pytest
from django.db import connection
from django.template.loader import get_template
from django.test import Client
from django.test.html import parse_html
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from campaigns.models import Campaign, User
from generation.models import Generation
from review.access import campaign_for_sheet
from review.models import Assignment, Decision
from review.queries.cards import PAGE, Card, read_page
from review.queries.sheet import filtered
from review.queries.sheet_filter import ORDERS, SORTS, SheetFilter, read_cursor, read_filter, write_cursor
from review.views import card_renderer
from tests.factories import (
    CampaignFactory,
    GenerationFactory,
    MembershipFactory,
    ShotFactory,
    SignOffFactory,
    VerdictFactory,
)

pytestmark = [pytest.mark.django_db, pytest.mark.both_engines]


@pytest.fixture
def campaign() -> Campaign:
    return CampaignFactory()


@pytest.fixture
def ana(campaign: Campaign, client: Client) -> User:
    user = MembershipFactory(workspace=campaign.workspace, user__name="Ana").user
    client.force_login(user)
    return user


def images(campaign: Campaign, count: int, **fields: Any) -> list[Generation]:
    shot = ShotFactory(campaign=campaign)
    return [GenerationFactory(shot=shot, ready=True, **fields) for _ in range(count)]


def address(campaign: Campaign, query: str = "") -> str:
    return reverse("sheet", kwargs={"pk": campaign.pk}) + (f"?{query}" if query else "")


def shown(client: Client, campaign: Campaign, query: str = "") -> list[str]:
    answer = client.get(address(campaign, query))
    assert answer.status_code == 200
    return re.findall(r'id="frame-(gen_\w+)"', answer.content.decode())


@pytest.mark.parametrize(
    ("query", "names"),
    [
        ("", "abcd"),
        ("unreviewed=1", "acd"),
        ("decision=rejected", "b"),
        ("below=1", "bc"),
        ("escalated=1", "c"),
        ("score_from=6.5&score_to=8", "b"),
        ("model=other%2Fmodel", "d"),
        ("weakest=mood_match", "abc"),
        ("weakest=composition", ""),
        ("state=working", "e"),
        ("state=failed", "f"),
        ("state=all", "abcdef"),
        ("mine=1", "ab"),
        ("below=1&unreviewed=1", "c"),
        # what is not understood leaves nothing out
        ("shot=x&score_from=many&sort=upwards&state=%00&decision=hanged&cursor=~~~", "abcd"),
    ],
)
def test_filters_are_in_the_address(client: Client, campaign: Campaign, ana: User, query: str, names: str) -> None:
    shot = ShotFactory(campaign=campaign)
    rows = {
        "a": GenerationFactory(shot=shot, ready=True, scored=9),
        "b": GenerationFactory(shot=shot, ready=True, scored=6.8),
        "c": GenerationFactory(shot=shot, ready=True, scored=5, escalated=True),
        "d": GenerationFactory(shot=shot, ready=True, model="other/model"),
        "e": GenerationFactory(shot=shot, rendering=True),
        "f": GenerationFactory(shot=shot, refused=True),
    }
    VerdictFactory(generation=rows["b"], by=ana, decision=Decision.REJECTED)
    Assignment.objects.create(generation=rows["a"], to=ana, by=ana)
    found = {pk: name for name, row in rows.items() for pk in [row.pk]}
    assert "".join(sorted(found[pk] for pk in shown(client, campaign, query))) == names


def test_filter_by_shot_and_what_was_removed_is_gone(client: Client, campaign: Campaign, ana: User) -> None:
    one, two = images(campaign, 1)[0], images(campaign, 1)[0]
    removed = GenerationFactory(shot=ShotFactory(campaign=campaign, removed=True), ready=True)
    assert shown(client, campaign, f"shot={one.shot_id}") == [one.pk]
    assert set(shown(client, campaign)) == {one.pk, two.pk}
    assert removed.pk not in shown(client, campaign, "state=all")


@pytest.mark.parametrize("sort", SORTS)
def test_pages_by_key_show_every_image_once_in_order(campaign: Campaign, ana: User, sort: str, monkeypatch) -> None:
    monkeypatch.setattr("review.queries.cards.PAGE", 3)
    for position in (2, 1, 1):
        shot = ShotFactory(campaign=campaign, position=position)
        for score in (7.0, None, 9.5, 7.0):
            GenerationFactory(shot=shot, ready=True, **({"scored": score} if score else {}))
    wanted = SheetFilter(sort=sort)
    campaign = campaign_for_sheet(ana.memberships.get(), campaign.pk)
    seen: list[str] = []
    cursor = ""
    for _ in range(10):
        page = read_page(campaign, wanted, viewer=ana, cursor=cursor)
        seen += [card.id for card in page.cards]
        cursor = page.next
        if not cursor:
            break
    ordered = filtered(campaign, wanted, viewer=ana).order_by(*(term.order(backwards=False) for term in ORDERS[sort]))
    assert seen == list(ordered.values_list("pk", flat=True))
    assert len(seen) == 12
    scores = {row.pk: row.average for row in Generation.objects.all()}
    if sort == "best":
        assert [scores[pk] for pk in seen][:3] == [Decimal("9.50")] * 3
        assert [scores[pk] for pk in seen][-3:] == [None] * 3
    if sort == "worst":
        assert [scores[pk] for pk in seen][:6] == [Decimal("7.00")] * 6
    if sort == "newest":
        assert seen == sorted(seen, reverse=True)


@pytest.mark.parametrize("sort", SORTS)
@pytest.mark.parametrize("text", ["", "~", "a~b~c~d", "1~2", "x" * 300, "\x00", "nan~gen_1", "1e5~gen_1"])
def test_a_broken_cursor_is_no_place(sort: str, text: str) -> None:
    values = read_cursor(text, terms=ORDERS[sort])
    assert values is None or read_cursor(write_cursor(values), terms=ORDERS[sort]) == values


def test_the_filter_reads_what_it_wrote() -> None:
    wanted = SheetFilter(
        shot=3, decision="approved", below=True, score_from=Decimal("6.5"), sort="best", density="large"
    )
    pairs = dict(pair.split("=") for pair in wanted.query().split("&"))
    assert read_filter(pairs) == wanted
    assert SheetFilter().query() == ""


def test_the_next_page_comes_as_a_fragment_and_as_a_page(client: Client, campaign: Campaign, ana: User) -> None:
    rows = images(campaign, PAGE + 2)
    first = client.get(address(campaign)).content.decode()
    more = re.search(r'hx-get="([^"]+)"', first)
    assert more
    fragment = client.get(more[1].replace("&amp;", "&"), headers={"HX-Request": "true"}).content.decode()
    assert re.findall(r'id="frame-(gen_\w+)"', fragment) == [rows[1].pk, rows[0].pk]
    assert "<html" not in fragment
    assert "sheet-more" not in fragment
    page = client.get(more[1].replace("&amp;", "&")).content.decode()
    assert "<html" in page
    assert rows[0].pk in page


def test_six_and_sixty_frames_take_the_same_queries_and_no_payload(
    client: Client, campaign: Campaign, ana: User
) -> None:
    def queries() -> list[str]:
        with CaptureQueriesContext(
            connection,
        ) as captured:
            client.get(address(campaign))
        return [query["sql"] for query in captured.captured_queries]

    for _ in range(3):
        for row in images(campaign, 2, scored=7.5):
            VerdictFactory(generation=row, by=ana)
    six = queries()
    for _ in range(6):
        for row in images(campaign, 9, scored=7.5):
            VerdictFactory(generation=row, by=ana)
    sixty = queries()
    assert len(shown(client, campaign)) == 60
    assert len(sixty) == len(six) <= 5
    cards = next(sql for sql in sixty if "thumbhash" in sql)
    assert not re.search(r'"(prompt|negative_prompt|parameters|metrics|provider_url|error_text)"', cards)


def test_a_card_that_was_seen_before_is_never_an_old_one(client: Client, campaign: Campaign, ana: User) -> None:
    row = images(campaign, 1, scored=7.5)[0]
    assert f"{row.shot.title}, version" in client.get(address(campaign)).content.decode()
    row.shot.title = "Another name"
    row.shot.save()
    assert "Another name, version" in client.get(address(campaign)).content.decode()
    VerdictFactory(generation=row, by=ana, decision=Decision.APPROVED)
    assert "Approved by Ana" in client.get(address(campaign)).content.decode()
    User.objects.filter(pk=ana.pk).update(name="Ana Moreau")
    Assignment.objects.create(generation=row, to=ana, by=ana)
    page = client.get(address(campaign)).content.decode()
    assert "Approved by Ana Moreau" in page
    assert "Assigned to Ana Moreau" in page


def test_a_card_says_what_stands_and_its_score(client: Client, campaign: Campaign, ana: User) -> None:
    row = images(campaign, 1, scored=6.1)[0]
    VerdictFactory(generation=row, by=ana, decision=Decision.CHANGES)
    page = client.get(address(campaign)).content.decode()
    assert "Changes asked by Ana" in page
    assert re.search(r'thumb-score below">\s*<span class="visually-hidden">Score</span>\s*6\.1', page)
    assert 'class="mark changes"' in page
    assert re.search(r'data-seen="1"\s+data-decision="changes"', page)


def test_an_independent_first_look_hides_and_does_not_leak(client: Client, campaign: Campaign, ana: User) -> None:
    Campaign.objects.filter(pk=campaign.pk).update(independent_first_look=True)
    undecided, decided = images(campaign, 2, scored=7.6)
    VerdictFactory(generation=undecided, decision=Decision.REJECTED)
    VerdictFactory(generation=decided, by=ana)
    page = client.get(address(campaign)).content.decode()
    assert "Rejected by" not in page
    assert len(re.findall(r"(?<![\d.])7\.6(?!\d)", page)) == page.count('class="thumb-score') == 1
    for query in ("decision=rejected", "below=1&unreviewed=1", "score_from=1&unreviewed=1"):
        assert undecided.pk not in shown(client, campaign, query)
    assert shown(client, campaign, "sort=best") == [decided.pk]
    assert shown(client, campaign, "unreviewed=1") == [undecided.pk]


def test_a_signed_frame_takes_no_decision(client: Client, campaign: Campaign, ana: User) -> None:
    SignOffFactory(generation=images(campaign, 1)[0])
    page = client.get(address(campaign)).content.decode()
    assert 'class="mark signed"' in page
    assert "data-reviewable" not in page


def test_other_houses_and_strangers(client: Client, campaign: Campaign, ana: User) -> None:
    images(CampaignFactory(), 1)
    theirs = CampaignFactory()
    assert client.get(address(theirs)).status_code == 404
    assert client.get(reverse("sheet-changes", kwargs={"pk": theirs.pk})).status_code == 404
    client.logout()
    assert client.get(address(campaign)).status_code == 302
    assert client.get(address(campaign), headers={"HX-Request": "true"}).status_code == 401


def test_empty_sheets_say_why(client: Client, campaign: Campaign, ana: User) -> None:
    assert "No pictures yet" in client.get(address(campaign)).content.decode()
    images(campaign, 1)
    assert "No image matches" in client.get(address(campaign, "escalated=1")).content.decode()


def test_changes_tell_arrivals_and_verdicts_since(client: Client, campaign: Campaign, ana: User) -> None:
    old = images(campaign, 1)[0]
    Generation.objects.filter(pk=old.pk).update(completed_at=timezone.now() - timedelta(hours=1))
    new = images(campaign, 1)[0]
    VerdictFactory(generation=old, decision=Decision.APPROVED)
    url = reverse("sheet-changes", kwargs={"pk": campaign.pk})
    since = (timezone.now() - timedelta(minutes=5)).isoformat()
    answer = client.get(url, {"since": since}).json()
    assert answer["arrived"] == [new.pk]
    assert [(row["id"], row["decision"], row["version"]) for row in answer["standings"]] == [(old.pk, "approved", 1)]
    assert answer["busy"] is False
    later = client.get(url, {"since": (timezone.now() + timedelta(seconds=1)).isoformat()}).json()
    assert (later["arrived"], later["standings"]) == ([], [])
    for nonsense in ("", "yesterday", "2026-01-01", "9999-99-99T99:99:99Z"):
        assert client.get(url, {"since": nonsense}).status_code == 200


def test_a_card_is_drawn_as_its_template_would_draw_it(client: Client, campaign: Campaign, ana: User) -> None:
    shot = ShotFactory(campaign=campaign, title='100 % <b>"Aurora"</b> & \x1f %s {{ x }}')
    rows = [
        GenerationFactory(shot=shot, ready=True, scored=6.1),
        GenerationFactory(shot=shot, ready=True, scored=9, escalated=True),
        GenerationFactory(shot=shot, rendering=True),
        GenerationFactory(shot=shot, failed=True),
        SignOffFactory(generation__shot=ShotFactory(campaign=campaign)).generation,
    ]
    VerdictFactory(generation=rows[0], by=ana, decision=Decision.CHANGES)
    sheet = campaign_for_sheet(ana.memberships.get(), campaign.pk)
    cards = read_page(sheet, SheetFilter(state="all", sort="shot"), viewer=ana, cursor="").cards
    assert len(cards) == 5

    def directly(card: Card) -> str:
        shown = SimpleNamespace(**card._asdict())
        shown.thumb = card_renderer._thumb(shown)
        return get_template(card_renderer.TEMPLATE).render({"card": shown})

    expected = "".join(directly(card) for card in cards)
    # the second time all looks are known
    for _ in range(2):
        assert parse_html(card_renderer.draw_cards(cards)) == parse_html(re.sub(r"[ \n]+", " ", expected))
    page = client.get(address(campaign, "state=all")).content.decode()
    assert "<b>" not in page
    assert "100 % &lt;b&gt;&quot;Aurora&quot;&lt;/b&gt; &amp; " in page


def test_the_filters_come_as_a_fragment_and_as_a_page(client: Client, campaign: Campaign, ana: User) -> None:
    shot = images(campaign, 1)[0].shot
    url = reverse("sheet-filters", kwargs={"pk": campaign.pk}) + f"?shot={shot.pk}&sort=best"
    assert f'data-load="{url.split("?")[0]}?' in client.get(address(campaign)).content.decode()
    fragment = client.get(url, headers={"HX-Request": "true"}).content.decode()
    assert re.search(rf'<option value="{shot.pk}"\s+selected>1 · {shot.title}', fragment)
    assert f'action="{address(campaign)}"' in fragment
    assert "<html" not in fragment
    page = client.get(url).content.decode()
    assert "<html" in page
    assert 'id="filter-form"' in page
    assert client.get(reverse("sheet-filters", kwargs={"pk": CampaignFactory().pk})).status_code == 404


def test_what_stands_beside_a_signed_version_is_locked_and_no_longer_to_review(
    client: Client, campaign: Campaign, ana: User
) -> None:
    shot = ShotFactory(campaign=campaign, title="Hero")
    sibling, final = (GenerationFactory(shot=shot, ready=True, scored=8) for _ in range(2))
    other = GenerationFactory(shot=ShotFactory(campaign=campaign), ready=True, scored=8)
    before = client.get(address(campaign)).content.decode()
    assert before.count('data-reviewable="yes"') == 3
    assert "Locked" not in before
    signature = SignOffFactory(generation=final)
    page = client.get(address(campaign)).content.decode()
    assert re.findall(r'id="frame-(gen_\w+)"(?:(?!</li>).)*Locked: another version is signed', page, re.DOTALL) == [
        sibling.pk
    ]
    assert page.count('data-reviewable="yes"') == 1
    assert shown(client, campaign, "unreviewed=1") == [other.pk]
    assert 'id="reviewed">2</span> of 3' in page
    Campaign.objects.filter(pk=campaign.pk).update(independent_first_look=True)
    assert shown(client, campaign, "unreviewed=1") == [other.pk]
    assert 'id="reviewed">2</span> of 3' in client.get(address(campaign)).content.decode()
    Campaign.objects.filter(pk=campaign.pk).update(independent_first_look=False)
    signature.withdrawn_at, signature.withdrawn_by = timezone.now(), ana
    signature.save()
    assert "Locked" not in client.get(address(campaign)).content.decode()
