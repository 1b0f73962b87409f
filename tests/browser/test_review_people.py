"""What reviewers say to each other, in a real browser, by keys alone: notes to rejections, who is to look, views."""

import re
from collections.abc import Callable

import pytest
from django.urls import reverse
from playwright.sync_api import Page, expect

from campaigns.models import Campaign, User
from review.models import Assignment, Notice, SavedView, Verdict
from tests.browser.conftest import LiveLoupe
from tests.browser.review_pages import loupe, make_images, settled, sheet, standings, wait_until_still
from tests.factories import CampaignFactory, MembershipFactory

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def campaign() -> Campaign:
    return CampaignFactory(title="Aurora")


@pytest.fixture
def ana(campaign: Campaign, live_loupe: LiveLoupe, page: Page) -> User:
    user = MembershipFactory(workspace=campaign.workspace, user__name="Ana Moreau", approver=True).user
    live_loupe.sign_in(page, user)
    return user


def test_rejected_as_other_with_a_note_by_keys_on_the_sheet(
    page: Page, live_loupe: LiveLoupe, campaign: Campaign, ana: User
) -> None:
    rows = make_images(campaign, 3)
    live_loupe.open(page, sheet(campaign))
    page.keyboard.press("ArrowRight")
    page.keyboard.press("x")
    page.keyboard.press("8")
    note = page.get_by_role("textbox", name="Other: what is wrong?")
    expect(note).to_be_focused()
    page.keyboard.press("Enter")  # other says too little by itself
    assert not Verdict.objects.exists()
    page.keyboard.type("Xmas 1 already")
    page.keyboard.press("Escape")  # back to the reasons, with the words kept
    expect(page.get_by_role("button", name="Other…")).to_be_focused()
    expect(page.get_by_role("textbox", name="What is wrong?")).to_have_value("Xmas 1 already")
    page.keyboard.press("Enter")
    settled(lambda: list(Verdict.objects.values_list("reason", "note")), [("other", "Xmas 1 already")])
    assert page.evaluate("document.activeElement.closest('.frame').dataset.id") == rows[1].pk
    # any reason takes a note where one is wanted, and none where it is not
    for key in "xn":
        page.keyboard.press(key)
    page.keyboard.type("Too blue")
    page.keyboard.press("Enter")
    page.keyboard.press("2")
    page.keyboard.press("x")
    page.keyboard.press("2")
    settled(lambda: standings(rows), ["rejected"] * 3)
    notes = dict(Verdict.objects.values_list("generation_id", "note"))
    assert [notes[row.pk] for row in rows] == ["Xmas 1 already", "Too blue", ""]


def test_rejected_with_a_note_by_keys_in_the_loupe_and_the_note_is_in_its_activity(
    page: Page, live_loupe: LiveLoupe, campaign: Campaign, ana: User
) -> None:
    rows = make_images(campaign, 2)
    live_loupe.open(page, loupe(rows[0]))
    page.keyboard.press("x")
    page.keyboard.press("8")
    page.keyboard.type("The season is wrong")
    page.keyboard.press("Enter")
    expect(page.locator("#loupe")).to_have_attribute("data-id", rows[1].pk)
    assert page.evaluate("document.activeElement.id") == "stage"
    settled(lambda: standings(rows), ["rejected", ""])
    live_loupe.open(page, reverse("loupe", kwargs={"pk": rows[0].pk}))
    expect(page.get_by_role("region", name="Activity")).to_contain_text("rejected, other")
    expect(page.get_by_role("region", name="Activity")).to_contain_text("The season is wrong")


@pytest.mark.parametrize("opened", ["sheet", "loupe"])
def test_words_of_a_note_are_never_taken_for_keys(
    page: Page, live_loupe: LiveLoupe, campaign: Campaign, ana: User, opened: str
) -> None:
    rows = make_images(campaign, 3)
    live_loupe.open(page, sheet(campaign) if opened == "sheet" else loupe(rows[0]))
    if opened == "sheet":
        for key in ("ArrowRight", "s", "ArrowRight", "s"):
            page.keyboard.press(key)
    page.keyboard.press("x")
    expect(page.get_by_role("group", name="Reason of the rejection")).to_be_visible()
    page.keyboard.type("a rotten zest")  # without N: the words miss the field, and decide nothing
    page.keyboard.press("Enter")
    expect(page.get_by_role("dialog")).to_have_count(0)
    expect(page.locator(".mark:visible")).to_have_count(0)
    # the n of "rotten" opened the field
    note = page.get_by_role("textbox", name="What is wrong?")
    expect(note).to_have_value(" zest")
    page.keyboard.press("n")
    expect(note).to_be_focused()
    note.fill("")
    page.keyboard.type("a bit 2 warm")
    page.keyboard.press("Tab")  # out of the field: the digits choose, the words stay
    page.keyboard.press("a")
    page.keyboard.press("2")
    rejected = ["rejected"] * (2 if opened == "sheet" else 1)
    settled(lambda: standings(rows), [*rejected, "", ""][:3])
    assert set(Verdict.objects.values_list("note", "decision")) == {("a bit 2 warm", "rejected")}


def test_several_are_assigned_by_keys_and_one_undo_takes_all_back(
    page: Page, live_loupe: LiveLoupe, campaign: Campaign, ana: User
) -> None:
    rows = make_images(campaign, 4)
    ben = MembershipFactory(workspace=campaign.workspace, user__name="Ben Okri").user
    live_loupe.open(page, sheet(campaign))
    for _ in range(3):
        page.keyboard.press("ArrowRight")
        page.keyboard.press("s")
    page.keyboard.press("t")
    expect(page.get_by_role("dialog", name="Who is to look at 3 images?")).to_be_visible()
    page.keyboard.type("okr")
    page.keyboard.press("Enter")
    card = page.locator(f"#frame-{rows[0].pk}")
    expect(card.locator(".assigned")).to_contain_text("Assigned to Ben Okri")
    assert Assignment.objects.filter(to=ben, by=ana).count() == 3
    assert Notice.objects.get().text == "Ana Moreau asked you to look at 3 images of Aurora"
    expect(page.locator(".frame.is-selected")).to_have_count(0)
    page.reload()  # what can be undone survives it
    expect(card.locator(".assigned")).to_contain_text("BO")
    page.keyboard.press("z")
    expect(page.locator(".frame .assigned")).to_have_count(0)
    assert not Assignment.objects.exists()
    assert not Notice.objects.exists()


def test_one_is_assigned_in_the_loupe_and_taken_back(
    page: Page, live_loupe: LiveLoupe, campaign: Campaign, ana: User
) -> None:
    (row,) = make_images(campaign, 1)
    MembershipFactory(workspace=campaign.workspace, user__name="Ben Okri")
    live_loupe.open(page, loupe(row))
    page.keyboard.press("t")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    asked = page.get_by_role("region", name="Assigned to")
    expect(asked).to_contain_text("Ben Okri")
    asking = page.locator("#toasts").get_by_text("Ben Okri is asked to look")
    expect(asking).to_be_visible()
    page.keyboard.press("z")
    expect(asked).to_contain_text("Nobody in particular")
    assert asking.count() == 0
    page.keyboard.press("t")
    page.keyboard.type("ben")
    page.keyboard.press("Enter")
    asked.get_by_role("button", name="Ask Ben Okri no more").click()
    expect(asked).to_contain_text("Nobody in particular")
    assert not Assignment.objects.exists()


def test_one_undo_takes_a_whole_bulk_verdict_back_after_a_reload_too(
    page: Page, live_loupe: LiveLoupe, campaign: Campaign, ana: User
) -> None:
    rows = make_images(campaign, 4)
    live_loupe.open(page, sheet(campaign))
    page.keyboard.press("ArrowRight")
    page.keyboard.press("a")
    for _ in range(3):
        page.keyboard.press("s")
        page.keyboard.press("ArrowRight")
    for key in "x8":
        page.keyboard.press(key)
    page.keyboard.type("All too blue")
    page.keyboard.press("Enter")
    bar = page.get_by_role("region", name="Decide")
    expect(bar).to_contain_text("Rejected: 3 images")
    settled(lambda: standings(rows), ["approved", "rejected", "rejected", "rejected"])
    page.reload()
    page.keyboard.press("z")
    expect(bar).to_contain_text("Taken back: 3 images")
    settled(lambda: standings(rows), ["approved", "undecided", "undecided", "undecided"])
    page.keyboard.press("z")
    settled(lambda: standings(rows), ["undecided"] * 4)


@pytest.mark.parametrize("allowed_console_errors", [["ERR_FAILED", "Failed to fetch"]])
def test_an_assignment_that_did_not_get_through_is_said_and_sent_again(
    page: Page, live_loupe: LiveLoupe, campaign: Campaign, ana: User
) -> None:
    make_images(campaign, 1)
    live_loupe.open(page, sheet(campaign))
    page.route("**/assignments/", lambda route: route.abort())
    page.keyboard.press("ArrowRight")
    page.keyboard.press("t")
    page.keyboard.press("Enter")
    expect(page.locator("#toasts")).to_contain_text("No connection to Loupe")
    page.unroute_all()
    page.get_by_role("button", name="Send again").click()
    expect(page.locator(".frame .assigned")).to_have_count(1)
    assert Assignment.objects.get().to == ana


@pytest.mark.parametrize("room", ["sheet", "loupe"])
@pytest.mark.parametrize("allowed_console_errors", [["ERR_FAILED"]])
def test_an_assignment_made_without_a_line_is_sent_by_the_next_page(
    page: Page, live_loupe: LiveLoupe, campaign: Campaign, ana: User, room: str
) -> None:
    (row,) = make_images(campaign, 1)
    live_loupe.open(page, sheet(campaign))
    page.route("**/assignments/", lambda route: route.abort())
    page.keyboard.press("ArrowRight")
    page.keyboard.press("t")
    page.keyboard.press("Enter")
    expect(page.locator("#toasts")).to_contain_text("No connection to Loupe")
    page.unroute_all()
    live_loupe.open(page, sheet(campaign) if room == "sheet" else loupe(row))
    expect(page.locator("#toasts")).to_contain_text("Ana Moreau is asked to look at the picture")
    expect(page.locator(".frame .assigned, #assigned")).to_contain_text("Ana Moreau")
    assert Assignment.objects.get().to == ana
    live_loupe.open(page, sheet(campaign))
    assert page.evaluate("Object.keys(localStorage).filter(name => name.startsWith('loupe.assign')).length") == 0
    page.keyboard.press("z")
    settled(Assignment.objects.exists, False)


def test_a_view_is_saved_and_opened_again_by_keys(
    page: Page, live_loupe: LiveLoupe, campaign: Campaign, ana: User
) -> None:
    make_images(campaign, 2)
    live_loupe.open(page, sheet(campaign, "?unreviewed=1&sort=best"))
    page.locator("#views-open").focus()
    page.keyboard.press("Enter")
    views = page.get_by_role("dialog", name="Views")
    views.get_by_role("textbox", name="Name").focus()
    page.keyboard.type("Best first, open")
    page.keyboard.press("Tab")
    page.keyboard.press("ArrowRight")  # for everybody here
    page.keyboard.press("Enter")
    expect(page.locator("#views-open")).to_have_text(re.compile("View: Best first, open"))
    assert SavedView.objects.get().user is None
    live_loupe.open(page, sheet(campaign))
    expect(page.locator("#views-open")).to_have_text(re.compile("Views"))
    page.locator("#views-open").focus()
    page.keyboard.press("Enter")
    views.get_by_role("link", name="Best first, open").focus()
    page.keyboard.press("Enter")
    expect(page).to_have_url(re.compile(r"unreviewed=1&sort=best"))
    expect(page.locator("#views-open")).to_have_text(re.compile("Best first, open"))
    page.locator("#views-open").click()
    views.locator("summary").click()
    views.get_by_role("button", name="Delete").click()
    expect(page.locator("#toasts")).to_contain_text("is deleted")
    assert not SavedView.objects.exists()


@pytest.mark.parametrize("width", [390, 1440])
def test_what_people_say_to_each_other_is_accessible(
    new_page: Callable[..., Page],
    live_loupe: LiveLoupe,
    campaign: Campaign,
    assert_accessible: Callable[[Page], None],
    width: int,
) -> None:
    user = MembershipFactory(workspace=campaign.workspace, admin=True).user
    rows = make_images(campaign, 2)
    Assignment.objects.create(generation=rows[0], to=user, by=user)
    SavedView.objects.create(workspace=campaign.workspace, name="Weak", query="below=1", made_by=user)
    for theme in ("dark", "light"):
        page = new_page(viewport={"width": width, "height": 844})
        live_loupe.sign_in(page, user)
        page.context.add_cookies([{"name": "theme", "value": theme, "url": live_loupe.url}])

        def look(address: str, *keys: str, page: Page = page) -> None:
            live_loupe.open(page, address)
            for key in keys:
                page.keyboard.press(key)
            wait_until_still(page)
            assert_accessible(page)
            assert page.evaluate("document.documentElement.scrollWidth") <= width

        look(sheet(campaign), "ArrowRight", "x", "8")
        look(sheet(campaign), "ArrowRight", "t")
        look(loupe(rows[0]), "x", "8")
        look(loupe(rows[0]), "t")
        look(reverse("saved-views", kwargs={"pk": campaign.pk}) + "?below=1")
        look(reverse("reject-reasons"))
        look(reverse("you"))
        live_loupe.open(page, sheet(campaign, "?below=1"))
        page.locator("#views-open").click()
        page.get_by_role("dialog", name="Views").locator("summary").click()
        wait_until_still(page)
        assert_accessible(page)
