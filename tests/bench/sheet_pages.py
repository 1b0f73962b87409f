"""P1, P3, P4, P6: pages of the contact sheet at a million images, through the whole application, and what they weigh.

Times are those of the application itself, every middleware included, on a PostgreSQL beside it; no socket. Every
round asks for another page. A process remembers the cards that it has made: pages whose cards it has not seen yet are
measured apart, with its memory emptied before each.
"""

import gzip
import itertools
import re
from collections.abc import Callable, Iterator
from pathlib import Path

from django.conf import settings
from django.contrib.staticfiles import finders
from django.core.management import call_command

from campaigns.models import Campaign
from review.queries import cards
from tests.bench import sheet_data as ground
from tests.bench.measure import Measure

IMAGES, FEW, FULL = 100_000, 1_000, 1_000_000
PAGE = 60
# The usual run takes the figures of the large one: nothing may grow.
FILTERS = (
    "",
    "unreviewed=1",
    "decision=approved",
    "decision=rejected",
    "below=1",
    "escalated=1",
    "mine=1",
    "weakest=relevance",
    "weakest=brand_fit",
    "model=stability-ai%2Fsdxl",
    "model=nobody%2Fnothing",
    "score_from=9.5",
    "score_from=3&score_to=3.2",
    "shot={shot}",
    "state=working",
    "state=failed",
    "state=all",
    "unreviewed=1&below=1",
    "decision=approved&model=stability-ai%2Fsdxl",
    "stack=1",
)
SORTS = ("newest", "best", "worst", "shot")


def run(*, full: bool) -> Iterator[Measure]:
    """Few images first, then many, in the same process on the same machine."""
    call_command("collectstatic", interactive=False, verbosity=0)
    few = ground.fill(images=FEW)
    door = ground.Door(ground.sign_in(few.viewer))
    at_few = ground.quiet_median(next_pages(door, few.small))
    house = ground.fill(images=FULL if full else IMAGES)
    door = ground.Door(ground.sign_in(house.viewer))
    frames, page = next_pages(door, house.large), whole_pages(door, house.large)
    size = f"{house.images:,} images"
    yield Measure(f"P1 next 60 frames never seen, {size}, p50", ground.quiet_median(never_seen(frames)), 3, "ms")
    yield Measure(
        f"P1 next 60 frames, {size}, p50",
        ground.quiet_median(frames),
        3,
        "ms",
        note=f"of it {ground.quiet_processor(frames):.1f} ms of processor in Python",
    )
    yield Measure("P1 next 60 frames, queries", ground.queries_of(frames), 4, "")
    yield Measure(
        f"P1 whole page of 60, {size}, p50",
        ground.quiet_median(page),
        3,
        "ms",
        note=f"of it {ground.quiet_processor(page):.1f} ms of processor in Python",
    )
    yield Measure("P1 whole page of 60, queries", ground.queries_of(page), 4, "")
    yield from against_size(door, house, at_few)
    yield from every_filter(door, house.large)
    yield from weight(door, house.large)


def against_size(door: ground.Door, house: ground.House, at_few: float) -> Iterator[Measure]:
    """P3: many against few, the large campaign against the small one, the deepest page against the first."""
    small = ground.quiet_median(next_pages(door, house.small))
    many = ground.quiet_median(next_pages(door, house.small))
    yield Measure(f"P3 {house.images:,} images against {FEW:,}", min(small, many) / at_few, 1.2, "ratio")
    first, deepest = fixed(door, house.large, 0), fixed(door, house.large, -2)
    ratio = ground.quiet_ratio(deepest, first)
    yield Measure(f"P3 deepest page against the second of {house.large_images:,}", ratio, 1.2, "ratio")
    deep = fixed(door, house.large, -2, sort="best")
    yield Measure(
        "P3 the same by score", ground.quiet_ratio(deep, fixed(door, house.large, 0, sort="best")), 1.2, "ratio"
    )


def every_filter(door: ground.Door, campaign: Campaign) -> Iterator[Measure]:
    """P4: each filter in each order; the slowest are named."""
    shot = campaign.shots.order_by("position")[campaign.shots.count() // 2]
    waits: dict[str, float] = {}
    for wanted, sort in itertools.product(FILTERS, SORTS):
        query = "&".join(part for part in (wanted.format(shot=shot.pk), f"sort={sort}") if part)
        waits[query] = ground.quiet_median(first_frames(door, campaign, query), blocks=3, rounds=5)
    by_score = waits["unreviewed=1&sort=best"]
    yield Measure("P4 undecided by score, p50", by_score, 4, "ms")
    slowest = sorted(waits, key=waits.__getitem__, reverse=True)
    note = ", ".join(f"{query}: {waits[query]:.1f}" for query in slowest[:4])
    yield Measure(f"P4 slowest of {len(waits)} filters and orders, p50", waits[slowest[0]], 4, "ms", note=note)


def weight(door: ground.Door, campaign: Campaign) -> Iterator[Measure]:
    """P6: what the browser loads, gzipped as a proxy does."""
    html = door.get(f"/campaigns/{campaign.pk}/sheet/")
    frames = door.get(next_address(html), HTTP_HX_REQUEST="true")
    files = sorted(set(re.findall(r'(?:src|href)="/static/([^"]+\.(?:js|css))"', html.decode())))
    total = sum(packed(each) for name in files for each in with_imports(name))
    yield Measure("P6 JS + CSS of the sheet, gzipped", total / 1000, 60, "kB", note=f"{len(files)} files named by it")
    yield Measure("P6 next 60 frames, gzipped", len(gzip.compress(frames, 6)) / 1000, 10, "kB")
    yield Measure("P6 whole page of 60, gzipped", len(gzip.compress(html, 6)) / 1000, 10, "kB")


def with_imports(name: str) -> set[Path]:
    """A file and the modules that it imports."""
    path = Path(settings.STATIC_ROOT, name)
    if not path.exists():
        path = Path(str(finders.find(name)))
    found = {path}
    for imported in re.findall(r'from "\./([^"]+)"', path.read_text()) if path.suffix == ".js" else ():
        found |= with_imports(str(Path(name).parent / imported))
    return found


def packed(path: Path) -> int:
    """Bytes of a file under gzip."""
    return len(gzip.compress(path.read_bytes(), 9))


def next_address(html: bytes) -> str:
    """Where the following frames are."""
    found = re.search(rb'hx-get="([^"]+cursor[^"]+)"', html)
    return found[1].decode().replace("&amp;", "&") if found else ""


def cursors(door: ground.Door, campaign: Campaign, *, sort: str = "newest") -> list[str]:
    """Addresses of following frames, spread over the whole campaign."""
    rows = campaign.generations.filter(state="ready", shot__removed_at__isnull=True)
    order = {"newest": ("-pk",), "best": ("-average", "-pk")}[sort]
    scored = rows.filter(average__isnull=False).order_by(*order).values_list("pk", "average")
    places = list(scored.iterator())
    step = max(1, (len(places) - PAGE) // 40)
    chosen = places[0 : max(1, len(places) - PAGE) : step]
    path = f"/campaigns/{campaign.pk}/sheet/?"
    if sort == "newest":
        return [f"{path}cursor={pk}" for pk, _ in chosen]
    return [f"{path}sort=best&cursor={average}~{pk}" for pk, average in chosen]


def next_pages(door: ground.Door, campaign: Campaign) -> Callable[[], object]:
    """Another page of frames at each call."""
    turn = itertools.cycle(cursors(door, campaign))
    return lambda: door.get(next(turn), HTTP_HX_REQUEST="true")


def never_seen(act: Callable[[], object]) -> Callable[[], object]:
    """The same in a process that remembers no card."""

    def forget_first() -> object:
        cards.card_of.cache_clear()
        return act()

    return forget_first


def whole_pages(door: ground.Door, campaign: Campaign) -> Callable[[], object]:
    """Another whole page at each call."""
    turn = itertools.cycle(cursors(door, campaign))
    return lambda: door.get(next(turn))


def fixed(door: ground.Door, campaign: Campaign, place: int, *, sort: str = "newest") -> Callable[[], object]:
    """One and the same page of frames."""
    address = cursors(door, campaign, sort=sort)[place]
    return lambda: door.get(address, HTTP_HX_REQUEST="true")


def first_frames(door: ground.Door, campaign: Campaign, query: str) -> Callable[[], object]:
    """The first frames of a filter, without what stands around them."""
    # no place in any order: the first page, as frames
    address = f"/campaigns/{campaign.pk}/sheet/?{query}&cursor=-"
    return lambda: door.get(address, HTTP_HX_REQUEST="true")
