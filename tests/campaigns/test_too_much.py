"""A form that is larger than Loupe reads is refused in words, not with a bare status."""

import pytest
from django.test import Client

from tests.factories import PASSWORD, MembershipFactory


@pytest.mark.django_db
def test_three_megabytes_of_brief_are_refused_in_words(client: Client) -> None:
    member = MembershipFactory()
    assert client.login(username=member.user.email, password=PASSWORD)
    client.raise_request_exception = False
    body = "brief=" + "x" * 3_000_000
    answer = client.post("/campaigns/new/", body, content_type="application/x-www-form-urlencoded")
    assert answer.status_code == 400
    assert "Nothing was stored" in answer.content.decode()
