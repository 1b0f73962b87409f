"""What a brief says about ticket, date, money and shape: proposed, confirmed by a person, honoured."""

from datetime import date, timedelta
from decimal import Decimal

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from campaigns.briefs import Terms, find_terms
from campaigns.models import Budget, Campaign, Membership
from generation.planning import planning
from generation.providers import registry
from tests import factories

FLUX = "black-forest-labs/flux-1.1-pro"
TODAY = date(2026, 11, 26)


@pytest.fixture
def member(client: Client) -> Membership:
    membership: Membership = factories.MembershipFactory()
    client.force_login(membership.user)
    return membership


@pytest.mark.parametrize(
    ("brief", "terms"),
    [
        (
            "MKT-2241 Aurora launch\nBudget: $1,250.50\nDue: 12 December 2026",
            Terms("MKT-2241", date(2026, 12, 12), Decimal("1250.50")),
        ),
        ("[MKT-7] Launch, deadline December 3rd", Terms("MKT-7", date(2026, 12, 3))),
        ("Jira ticket is AB-12, needed by 2027-01-05. Budget of 40 USD", Terms("AB-12", date(2027, 1, 5), Decimal(40))),
        ("Due on 5 Jan", Terms(due_on=date(2027, 1, 5))),
        ("Deadline: 3.12.2026", Terms(due_on=date(2026, 12, 3))),
        # not sure enough to propose
        ("A kettle after ISO-9001 in UTF-8", Terms()),
        ("Budget: 40 EUR. Budget 2k USD. Budget: $2k", Terms()),
        ("Due 3 March 2026, due by lunch, due 31 February 2027", Terms()),
        ("A budget airline, painted 5 December 2026", Terms()),
    ],
)  # fmt: skip
def test_terms_are_read_where_they_are_sure(brief: str, terms: Terms) -> None:
    assert find_terms(brief, today=TODAY) == terms


@pytest.mark.django_db
def test_a_person_takes_over_what_the_brief_says(client: Client, member: Membership) -> None:
    due = timezone.localdate() + timedelta(days=20)
    campaign = factories.CampaignFactory(
        workspace=member.workspace, ticket="", brief=f"MKT-2290 Kettle\nBudget: 40 USD\nDue: {due.isoformat()}"
    )
    page = client.get(reverse("plan", args=[campaign.pk])).content.decode()
    for name, value in (("ticket", "MKT-2290"), ("due_on", due.isoformat()), ("budget", "40.00")):
        assert f'name="terms-{name}" value="{value}"' in page
    campaign.refresh_from_db()
    assert (campaign.ticket, campaign.due_on) == ("", None)
    assert not Budget.objects.filter(campaign=campaign).exists()

    taken = {"terms-ticket": "MKT-2291", "terms-due_on": due.isoformat(), "terms-budget": "40"}
    assert client.post(reverse("take-terms", args=[campaign.pk]), taken).status_code == 302
    campaign.refresh_from_db()
    assert (campaign.ticket, campaign.due_on) == ("MKT-2291", due)
    assert Budget.objects.get(campaign=campaign).limit == Decimal(40)
    page = client.get(reverse("plan", args=[campaign.pk])).content.decode()
    assert "Taken over from the brief." in page
    assert "terms-ticket" not in page


@pytest.mark.django_db
def test_what_stands_is_not_proposed_again_and_nonsense_changes_nothing(client: Client, member: Membership) -> None:
    campaign = factories.CampaignFactory(workspace=member.workspace, ticket="OWN-1", brief="MKT-2 Kettle. Budget: $40")
    page = client.get(reverse("plan", args=[campaign.pk])).content.decode()
    assert "terms-ticket" not in page
    assert "terms-budget" in page
    sent = {"terms-ticket": "MKT-2", "terms-budget": "-3"}
    page = client.post(reverse("take-terms", args=[campaign.pk]), sent, follow=True).content.decode()
    assert "Nothing was taken over." in page
    campaign.refresh_from_db()
    assert campaign.ticket == "OWN-1"


@pytest.mark.django_db
def test_the_terms_of_another_house_stay_there(client: Client, member: Membership) -> None:
    foreign = factories.CampaignFactory(ticket="")
    assert client.post(reverse("take-terms", args=[foreign.pk]), {"terms-ticket": "X-1"}).status_code == 404


@pytest.mark.django_db
def test_a_shape_beside_the_name_of_a_shot_is_drawn(client: Client, member: Membership) -> None:
    registry.reset()
    campaign = factories.CampaignFactory(
        workspace=member.workspace,
        waiting=True,
        brief="Terra kettle\nSay: slow mornings taste better.\n\nShots:\n- Newsletter header 3:1\n"
        "- LinkedIn 1.91:1: two cups\n"
        "- Hero at 9:30\n- Story (1080x1920)\n- Social square: Slow mornings taste better\n",
    )  # fmt: skip
    planning.plan_campaign(campaign.pk)
    assert Campaign.objects.get(pk=campaign.pk).planning == Campaign.Planning.PLANNED
    shots = {shot.title: shot for shot in campaign.shots.all()}
    shapes = {title: (shot.width, shot.height) for title, shot in shots.items()}
    assert shapes["Newsletter header"] == (1760, 576)
    ratios = {title: shots[title].prompt.partition("Aspect ratio ")[2].split(".")[0] for title in shots}
    assert (ratios["Newsletter header"], ratios["Story"]) == ("3:1", "9:16")
    assert shapes["LinkedIn"][0] / shapes["LinkedIn"][1] == pytest.approx(1.91, rel=0.03)
    assert shapes["Hero at 9:30"] == planning.SIZES["16:9"]
    assert shapes["Story"] == planning.SIZES["9:16"]
    # what the campaign says is no scene
    assert "taste" not in shots["Social square"].prompt
    page = client.get(reverse("plan", args=[campaign.pk])).content.decode()
    assert "1760 × 576" in page

    # a model that draws by list takes its nearest shape, and the card says so
    shots["Newsletter header"].model, shots["Newsletter header"].model_overridden = FLUX, True
    shots["Newsletter header"].save()
    page = client.get(reverse("plan", args=[campaign.pk])).content.decode()
    assert "cannot draw 1760 × 576: 1440 × 480 is the nearest" in page
