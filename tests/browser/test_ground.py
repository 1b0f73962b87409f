"""The browser stands on firm ground: pages load with their style under the policy, and a complaint is not missed."""

import pytest
from playwright.sync_api import ConsoleMessage, Page, expect

from tests.browser.conftest import LiveLoupe


def test_the_sign_in_page_is_whole_and_accessible(page: Page, live_loupe: LiveLoupe, assert_accessible) -> None:
    sheets: list[int] = []
    page.on("response", lambda answer: sheets.append(answer.status) if answer.url.endswith(".css") else None)
    live_loupe.open(page, "/sign-in/")
    expect(page.get_by_label("Password")).to_be_visible()
    assert sheets
    assert set(sheets) == {200}
    assert_accessible(page)


@pytest.fixture
def allowed_console_errors() -> list[str]:
    return ["Content Security Policy", "404"]


def test_no_script_within_a_page_runs(page: Page, live_loupe: LiveLoupe) -> None:
    told: list[ConsoleMessage] = []
    page.on("console", lambda message: told.append(message))  # noqa: PLW0108  # Playwright writes on its handlers
    live_loupe.open(page, "/sign-in/")
    page.evaluate("document.body.insertAdjacentHTML('beforeend', '<img src=\"/none\" onerror=\"window.ran = true\">')")
    page.evaluate(
        "const script = document.createElement('script');"
        "script.text = 'window.ran = true'; document.body.append(script)"
    )
    page.wait_for_timeout(200)
    assert page.evaluate("window.ran") is None
    assert any("Content Security Policy" in message.text for message in told)
