"""The workspace's reasons for a rejection: its own list, kept by admins, and what was filed keeps its words."""

from concurrent.futures import ThreadPoolExecutor

import pytest
from django.db import connection
from django.test import Client
from django.urls import reverse

from campaigns.models import Membership
from generation.models import Generation
from review.models import Decision, RejectReason, Verdict
from review.services.reasons import (
    DEFAULTS,
    MOST_REASONS,
    ReasonRefused,
    add_reason,
    living_reasons,
)
from review.services.revisions import propose_revision
from tests.factories import (
    CampaignFactory,
    GenerationFactory,
    MembershipFactory,
    ShotFactory,
    VerdictFactory,
    WorkspaceFactory,
)

pytestmark = pytest.mark.django_db
PAGE = reverse("reject-reasons")


@pytest.fixture
def admin(client: Client) -> Membership:
    membership = MembershipFactory(admin=True, user__name="Ada")
    client.force_login(membership.user)
    return membership


@pytest.fixture
def image(admin: Membership) -> Generation:
    return GenerationFactory(shot=ShotFactory(campaign=CampaignFactory(workspace=admin.workspace)), ready=True)


def reason(admin: Membership, code: str) -> RejectReason:
    return RejectReason.objects.get(workspace=admin.workspace, code=code)


def change(client: Client, row: RejectReason, **form: str) -> int:
    answer = client.post(reverse("reject-reason", args=[row.pk]), form)
    return int(answer.status_code)


def reject(client: Client, image: Generation, **form: str) -> int:
    address = reverse("verdict", args=[image.pk])
    answer = client.post(
        address, {"decision": "rejected", "seen_version": "0", **form}, headers={"Accept": "application/json"}
    )
    return int(answer.status_code)


def offered(admin: Membership) -> list[str]:
    return [row.label for row in living_reasons(admin.workspace_id)]


def test_a_workspace_begins_with_the_eight_reasons_on_their_digits(client: Client, image: Generation) -> None:
    assert [row.code for row in living_reasons(image.workspace_id)] == [code for code, _, _ in DEFAULTS]
    for address in (reverse("sheet", args=[image.campaign_id]), reverse("loupe", args=[image.pk])):
        page = client.get(address).content.decode()
        assert "<kbd>6</kbd><span>Product wrong</span>" in page
        assert "<kbd>8</kbd><span>Other…</span>" in page


def test_another_name_is_shown_from_now_on_and_old_verdicts_keep_theirs(
    client: Client, admin: Membership, image: Generation
) -> None:
    assert reject(client, image, reason="anatomy") == 200
    assert change(client, reason(admin, "anatomy"), do="save", label=" Hands\nand faces ", hint="five fingers") == 302
    second = GenerationFactory(shot=image.shot, ready=True)
    assert reject(client, second, reason="anatomy") == 200
    assert [verdict.filed_under for verdict in Verdict.objects.all()] == ["Anatomy", "Hands and faces"]
    assert "rejected, anatomy" in client.get(reverse("loupe", args=[image.pk])).content.decode()
    assert "rejected, hands and faces" in client.get(reverse("loupe", args=[second.pk])).content.decode()
    assert "hands and faces: five fingers" in propose_revision(second).prompt


def test_other_wants_a_note_which_the_activity_shows(client: Client, image: Generation) -> None:
    for note in ("", "  "):
        assert reject(client, image, reason="other", note=note) == 422
    assert not Verdict.objects.exists()
    assert reject(client, image, reason="other", note="It is <b>autumn</b>") == 200
    page = client.get(reverse("loupe", args=[image.pk])).content.decode()
    assert '<span class="said">It is &lt;b&gt;autumn&lt;/b&gt;</span>' in page
    # any other reason may carry a note as well
    second = GenerationFactory(shot=image.shot, ready=True)
    assert reject(client, second, reason="legal", note="The tower is protected") == 200
    assert "The tower is protected" in propose_revision(second).prompt


def test_a_retired_reason_is_offered_no_more_and_can_return(
    client: Client, admin: Membership, image: Generation
) -> None:
    VerdictFactory(generation=GenerationFactory(shot=image.shot, ready=True), decision=Decision.REJECTED, reason="text")
    assert change(client, reason(admin, "text"), do="retire") == 302
    assert "Text" not in offered(admin)
    assert reject(client, image, reason="text") == 422
    assert "offered no more" in client.get(PAGE).content.decode().lower()
    assert change(client, reason(admin, "text"), do="restore") == 302
    assert offered(admin)[-1] == "Text"
    assert reject(client, image, reason="text") == 200


def test_the_order_is_the_order_of_the_digits(client: Client, admin: Membership) -> None:
    change(client, reason(admin, "legal"), do="up")
    change(client, reason(admin, "composition"), do="up")
    change(client, reason(admin, "off_brand"), do="down")
    assert offered(admin) == [
        "Composition", "Artefacts", "Off-brand", "Text", "Anatomy", "Legal", "Product wrong", "Other",
    ]  # fmt: skip


def test_a_ninth_fits_and_a_tenth_does_not(client: Client, admin: Membership, image: Generation) -> None:
    assert client.post(PAGE, {"label": "Wrong season", "hint": "autumn light"}).status_code == 302
    assert reject(client, image, reason="wrong-season") == 200
    answer = client.post(PAGE, {"label": "Too dark"})
    assert answer.status_code == 422
    assert "9 reasons fit" in answer.content.decode()
    assert len(offered(admin)) == MOST_REASONS
    change(client, reason(admin, "legal"), do="retire")
    assert client.post(PAGE, {"label": "Too dark"}).status_code == 302
    assert change(client, reason(admin, "legal"), do="restore") == 422


@pytest.mark.parametrize(
    "form",
    [
        {"label": " "},
        {"label": "text"},
        {"label": "x" * 41},
        {"label": "Fine", "hint": "x" * 201},
        {"label": "\x00"},
    ],
)
def test_what_cannot_be_a_reason_is_refused_and_kept_on_the_page(
    client: Client, admin: Membership, form: dict[str, str]
) -> None:
    assert client.post(PAGE, form).status_code == 422
    assert change(client, reason(admin, "anatomy"), do="save", **form) == 422
    assert len(offered(admin)) == 8
    assert "Anatomy" in offered(admin)


def test_the_last_one_stays(client: Client, admin: Membership) -> None:
    RejectReason.objects.filter(workspace=admin.workspace).exclude(code="legal").delete()
    assert change(client, reason(admin, "legal"), do="retire") == 422
    assert offered(admin) == ["Legal"]


def test_only_admins_of_the_workspace_keep_the_list(client: Client, admin: Membership, image: Generation) -> None:
    foreign = RejectReason.objects.filter(workspace=WorkspaceFactory()).order_by("position")[0]
    add_reason(workspace=foreign.workspace, label="Theirs")
    assert change(client, foreign, do="retire") == 404
    assert reject(client, image, reason="theirs") == 422
    client.force_login(MembershipFactory(workspace=admin.workspace, approver=True).user)
    assert client.get(PAGE).status_code == 403
    assert client.post(PAGE, {"label": "Mine"}).status_code == 403
    assert change(client, reason(admin, "legal"), do="retire") == 403
    assert len(offered(admin)) == 8


@pytest.mark.both_engines
@pytest.mark.django_db(transaction=True)
def test_ten_admins_at_once_do_not_add_a_tenth_reason() -> None:
    workspace = WorkspaceFactory()

    def add(number: int) -> str:
        try:
            return add_reason(workspace=workspace, label=f"Reason {number}").label
        except ReasonRefused as refused:
            return str(refused)
        finally:
            connection.close()

    with ThreadPoolExecutor(max_workers=10) as pool:
        answers = list(pool.map(add, range(10)))
    assert len([answer for answer in answers if answer.startswith("Reason ")]) == 1
    assert len(living_reasons(workspace.pk)) == MOST_REASONS
