"""Pictures of a running Loupe with its demo workspace.

    python -m tests.browser.screenshots                 the README's pictures, into docs/pictures
    python -m tests.browser.screenshots --every DIR     every page, width and theme, checked by axe as well

LOUPE_URL names the running Loupe (http://127.0.0.1:8000 by default).
"""

import argparse
import os
import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from axe_playwright_python.sync_playwright import Axe
from PIL import Image
from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright

from tests.services import chromium

BASE = os.environ.get("LOUPE_URL", "http://127.0.0.1:8000")
EMAIL, PASSWORD = "ada@loupe.demo", "loupe-demo"
WIDTHS = {390: 844, 1440: 900, 2560: 1440}
README_PICTURES = ("inbox", "sheet", "loupe", "plan")


@dataclass(frozen=True)
class Stop:
    """One page of the tour."""

    name: str
    path: str


def sign_in(context: BrowserContext) -> Page:
    """A page of somebody who may see everything."""
    page = context.new_page()
    page.goto(f"{BASE}/sign-in/")
    page.fill("input[name=username]", EMAIL)
    page.fill("input[name=password]", PASSWORD)
    page.click("main button[type=submit]")
    page.wait_for_url(re.compile(r"^(?!.*sign-in)"))
    return page


def plan_tour(page: Page) -> list[Stop]:
    """The pages of the demo workspace, found by following its links."""
    page.goto(f"{BASE}/campaigns/")
    hrefs = page.eval_on_selector_all("a[href*='/campaigns/']", "links => links.map(link => link.getAttribute('href'))")
    numbers = sorted({int(found[1]) for href in hrefs if (found := re.match(r"^/campaigns/(\d+)/", href))})
    finished, in_review, ready = numbers[:3]
    page.goto(f"{BASE}/campaigns/{in_review}/sheet/")
    images = page.eval_on_selector_all(
        "a[href*='/images/gen_']", "links => links.map(link => link.getAttribute('href'))"
    )
    page.goto(f"{BASE}/exports/")
    exports = page.eval_on_selector_all("a[href^='/exports/']", "links => links.map(link => link.getAttribute('href'))")
    export = next(href for href in exports if re.match(r"^/exports/\d+/", href))
    page.goto(f"{BASE}/sign-off/")
    finals = page.eval_on_selector_all("a[href*='/sign-off/']", "links => links.map(link => link.getAttribute('href'))")
    final = next((href for href in finals if "/images/" in href), None)
    stops = [
        Stop("inbox", "/"),
        Stop("campaigns", "/campaigns/"),
        Stop("campaign", f"/campaigns/{in_review}/"),
        Stop("campaign-finished", f"/campaigns/{finished}/"),
        Stop("new-campaign", "/campaigns/new/"),
        Stop("plan", f"/campaigns/{ready}/plan/"),
        Stop("sheet", f"/campaigns/{in_review}/sheet/"),
        Stop("loupe", images[-1]),
        Stop("signoffs", "/sign-off/"),
        Stop("exports", "/exports/"),
        Stop("export", export),
        Stop("costs", "/costs/"),
        Stop("settings", "/settings/"),
        Stop("not-found", "/campaigns/999999/"),
    ]
    return [*stops, Stop("sign-off", final)] if final else stops


def contexts(
    browser: Browser, *, widths: dict[int, int], themes: tuple[str, ...]
) -> Iterator[tuple[str, BrowserContext]]:
    """A signed-out context for each width and theme, named `1440-dark`."""
    for width, height in widths.items():
        for theme in themes:
            context = browser.new_context(viewport={"width": width, "height": height}, color_scheme=theme)
            context.add_cookies([{"name": "theme", "value": theme, "url": BASE}])
            yield f"{width}-{theme}", context
            context.close()


def look(page: Page, stop: Stop, *, to: Path, full_page: bool) -> list[str]:
    """Open, wait until the pictures are there, keep the screenshot; returns what axe and the layout complain about."""
    page.goto(f"{BASE}{stop.path}")
    page.wait_for_load_state("load")
    page.wait_for_timeout(600)
    page.screenshot(path=to, full_page=full_page)
    wide = page.evaluate("document.documentElement.scrollWidth > document.documentElement.clientWidth")
    problems = [f"{violation['id']}: {violation['help']}" for violation in Axe().run(page).response["violations"]]
    return [*problems, "wider than the window"] if wide else problems


def look_at_everything(browser: Browser, folder: Path, *, only: str) -> int:
    """Every page at every width in both themes; prints complaints, returns how many."""
    complaints = 0
    tour: list[Stop] = []
    for name, context in contexts(browser, widths=WIDTHS, themes=("dark", "light")):
        page = sign_in(context)
        tour = tour or [stop for stop in plan_tour(page) if re.search(only, stop.name)]
        for stop in tour:
            for problem in look(page, stop, to=folder / f"{stop.name}-{name}.png", full_page=False):
                complaints += 1
                print(f"{stop.name} {name}: {problem}", flush=True)
    return complaints


def take_readme_pictures(browser: Browser, folder: Path) -> int:
    """The README's pictures at 1440, as WebP."""
    for _, context in contexts(browser, widths={1440: 900}, themes=("dark",)):
        page = sign_in(context)
        for stop in plan_tour(page):
            if stop.name in README_PICTURES:
                taken = folder / f"{stop.name}.png"
                look(page, stop, to=taken, full_page=False)
                with Image.open(taken) as picture:
                    picture.convert("RGB").save(taken.with_suffix(".webp"), quality=88, method=6)
                taken.unlink()
    return 0


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--every", type=Path, metavar="DIR")
    parser.add_argument("--only", default="", help="a pattern of page names")
    options = parser.parse_args()
    folder = options.every or Path("docs/pictures")
    folder.mkdir(parents=True, exist_ok=True)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium.find(), args=list(chromium.ARGUMENTS))
        if options.every:
            return 1 if look_at_everything(browser, folder, only=options.only) else 0
        return take_readme_pictures(browser, folder)


if __name__ == "__main__":
    sys.exit(main())
