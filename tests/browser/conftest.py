"""A real browser against a real server.

One Chromium for this folder: Playwright keeps an event loop in its thread, which must be gone
before tests elsewhere start loops of their own. One context for each test.
"""

import os
import re
import threading
import time
from collections.abc import Callable, Generator
from dataclasses import dataclass

import pytest
from axe_playwright_python.sync_playwright import Axe
from django.conf import settings
from django.test import Client
from playwright.sync_api import Browser, BrowserContext, Page, expect, sync_playwright
from pytest_django.live_server_helper import LiveServer

from campaigns.models import Campaign, User
from tests.factories import CampaignFactory, MembershipFactory
from tests.services import chromium

# Chromium resolves nothing but this machine.
STAY_HOME = "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1, EXCLUDE localhost"
WAIT_MILLISECONDS = 30_000
# A page's last request may come a moment after the page went.
CALM_SECONDS = 0.05
# Two cores carry other tests at the same time: patience, not speed, is asked for here.
expect.set_options(timeout=WAIT_MILLISECONDS)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if item.path.is_relative_to(os.path.dirname(__file__)):
            item.add_marker(pytest.mark.browser)


@pytest.fixture(scope="package")
def browser() -> Generator[Browser]:
    """Chromium, started once and ended as soon as a test of another folder follows."""
    # Playwright's loop makes Django believe that its calls come from asynchronous code.
    os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "true"
    try:
        with sync_playwright() as playwright:
            started = playwright.chromium.launch(
                executable_path=chromium.find(), args=[*chromium.ARGUMENTS, STAY_HOME], timeout=60_000
            )
            yield started
            started.close()
    finally:
        os.environ.pop("DJANGO_ALLOW_ASYNC_UNSAFE", None)


@pytest.fixture
def allowed_console_errors() -> list[str]:
    """Patterns of console errors that a test expects, such as `"409"`: append to it, or override it."""
    return []


@pytest.fixture
def live_loupe(live_server: LiveServer) -> Generator["LiveLoupe"]:
    """Loupe's pages, served from this process on the test database; the engine is driven beside it."""
    yield LiveLoupe(url=live_server.url)
    # a request that is still being answered would hold locks against the emptying of the tables
    for thread in threading.enumerate():
        if "process_request_thread" in thread.name:
            thread.join(timeout=10)


@dataclass(frozen=True)
class LiveLoupe:
    """The address of the running server, and a way in without the sign-in page."""

    url: str

    def sign_in(self, page: Page, user: object) -> None:
        """Gives the page's context a session of this user, as the sign-in page would."""
        client = Client()
        client.force_login(user)  # type: ignore[arg-type]
        cookie = client.cookies[settings.SESSION_COOKIE_NAME]
        page.context.add_cookies([{"name": cookie.key, "value": cookie.value, "url": self.url}])

    def open(self, page: Page, path: str) -> None:
        """Goes to one of Loupe's pages."""
        page.goto(f"{self.url}{path}")


@pytest.fixture
def new_page(
    browser: Browser, allowed_console_errors: list[str], live_loupe: LiveLoupe
) -> Generator[Callable[..., Page]]:
    """Opens a page in a context of its own, for a second person or another size: `new_page(viewport={...})`."""
    contexts: list[BrowserContext] = []
    complaints: list[str] = []

    def open_page(**options: object) -> Page:
        context = browser.new_context(
            **{"base_url": live_loupe.url, "viewport": {"width": 1440, "height": 900}, **options}  # type: ignore[arg-type]
        )
        context.set_default_timeout(WAIT_MILLISECONDS)
        contexts.append(context)
        page = context.new_page()
        page.on("pageerror", lambda error: complaints.append(f"{page.url}: {error}"))
        page.on("console", lambda message: complaints.append(_told(message)) if message.type == "error" else None)
        return page

    yield open_page
    for context in contexts:
        for page in context.pages:
            # what a page still sends when it goes is sent now, not while the tables are emptied
            page.goto("about:blank")
        context.close()
    _wait_until_quiet()
    unexpected = [
        complaint for complaint in complaints if not any(re.search(rule, complaint) for rule in allowed_console_errors)
    ]
    assert not unexpected, "The browser's console complained:\n" + "\n".join(unexpected)


def _wait_until_quiet() -> None:
    """Until the server has answered what the pages still asked for: the database is emptied next."""
    deadline = time.monotonic() + 20
    calm_since = time.monotonic()
    while (now := time.monotonic()) < deadline and now - calm_since < CALM_SECONDS:
        if any("process_request" in each.name for each in threading.enumerate()):
            calm_since = now
        time.sleep(0.01)


def _told(message: object) -> str:
    return f"{message.location.get('url', '')}: {message.text}"  # type: ignore[attr-defined]


@pytest.fixture
def page(new_page: Callable[..., Page]) -> Page:
    """A page of 1440 x 900; the test fails where the console shows an error that is not allowed."""
    return new_page()


@pytest.fixture
def assert_accessible() -> Callable[[Page], None]:
    """Fails with axe's report where axe finds a violation on the page as it stands."""

    def run(page: Page) -> None:
        results = Axe().run(page)
        assert results.violations_count == 0, results.generate_report()

    return run


@pytest.fixture
def campaign() -> Campaign:
    """A campaign without shots, in a house of its own."""
    return CampaignFactory()


@pytest.fixture
def ana(campaign: Campaign, live_loupe: LiveLoupe, page: Page) -> User:
    """Ana, an approver of that house, signed in on `page`."""
    user = MembershipFactory(workspace=campaign.workspace, user__name="Ana Moreau", approver=True).user
    live_loupe.sign_in(page, user)
    return user
