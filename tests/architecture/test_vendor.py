"""Vendored files are what their table says, and a page stays light."""

import gzip
import hashlib
import re
from pathlib import Path

import django_htmx
import pytest
from django.conf import settings

STATIC = Path(settings.BASE_DIR) / "static"
VENDOR = STATIC / "vendor"
LICENCES = {"README.md", "LICENSE", "OFL.txt"}
ROW = re.compile(r"^\| `(?P<file>[^`]+)` \|.*\((?P<licence>`[^`]+`)\) \| `(?P<sum>[0-9a-f]{64})` \|$", re.MULTILINE)
HTMX = Path(django_htmx.__file__).parent / "static/django_htmx/htmx-4.min.js"
SHEET_BUDGET_BYTES = 60_000


def table() -> list[re.Match[str]]:
    """The rows of the table in static/vendor/README.md."""
    return list(ROW.finditer((VENDOR / "README.md").read_text()))


def test_every_vendored_file_has_its_row() -> None:
    on_disk = {str(path.relative_to(VENDOR)) for path in VENDOR.rglob("*") if path.is_file()}
    assert {name for name in on_disk if Path(name).name not in LICENCES} == {row["file"] for row in table()}


@pytest.mark.parametrize("row", table(), ids=lambda row: row["file"])
def test_vendored_file_is_what_the_table_says(row: re.Match[str]) -> None:
    assert hashlib.sha256((VENDOR / row["file"]).read_bytes()).hexdigest() == row["sum"]
    assert (VENDOR / row["licence"].strip("`")).is_file()


def compressed(path: Path) -> int:
    """Bytes on the wire."""
    return len(gzip.compress(path.read_bytes(), 9))


def test_the_contact_sheet_stays_under_its_budget() -> None:
    """Style sheets, htmx, the house's script and the sheet's own: 60 kB compressed together."""
    scripts = [STATIC / "js" / name for name in ("app.js", "sheet.js")]
    files = [*sorted((STATIC / "css").glob("*.css")), *(path for path in scripts if path.exists()), HTMX]
    sizes = {path.name: compressed(path) for path in files}
    assert "tokens.css" in sizes
    assert sum(sizes.values()) <= SHEET_BUDGET_BYTES, sizes


def test_style_sheets_name_colours_in_the_tokens_only() -> None:
    """Greys stay neutral and themes stay whole when colours have one home. The wax marks and film are exempt."""
    offending = []
    for path in sorted((STATIC / "css").glob("*.css")):
        if path.name in {"tokens.css", "marks.css"}:
            continue
        rules = re.sub(r"/\*.*?\*/", "", path.read_text(), flags=re.DOTALL)
        offending += [f"{path.name}: {colour}" for colour in re.findall(r"#[0-9a-fA-F]{3,8}\b(?=[^{]*[;}])", rules)]
    assert not offending


def test_style_sheets_point_to_files_that_exist() -> None:
    for path in sorted((STATIC / "css").glob("*.css")):
        for address in re.findall(r'url\("([^"]+)"\)', path.read_text()):
            assert (path.parent / address).resolve().is_file(), f"{path.name}: {address}"


def test_greys_are_neutral() -> None:
    """A tint beside a picture changes how people judge it: every grey has equal red, green and blue."""
    tokens = (STATIC / "css/tokens.css").read_text()
    names = "ground|surface|raised|sunken|hover|line|line-strong|ink|ink-2|ink-3|bar|track"
    greys = re.findall(rf"--(?:{names}): #([0-9a-f]{{6}});", tokens)
    assert len(greys) >= 24
    for grey in greys:
        assert grey[:2] == grey[2:4] == grey[4:], grey


def luminance(colour: str) -> float:
    """Relative luminance of `rrggbb` as WCAG 2.2 defines it."""
    channels = [int(colour[start : start + 2], 16) / 255 for start in (0, 2, 4)]
    red, green, blue = (c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


@pytest.mark.parametrize("theme", ["dark", "light"])
@pytest.mark.parametrize(
    ("ink", "least"), [("ink", 7.0), ("ink-2", 7.0), ("ink-3", 4.5), ("accent", 4.5), ("line-strong", 3.0)]
)
@pytest.mark.parametrize("ground", ["ground", "surface", "raised", "sunken"])
def test_contrast(theme: str, ink: str, least: float, ground: str) -> None:
    tokens = (STATIC / "css/tokens.css").read_text()
    block = tokens.split(f':root[data-theme="{theme}"] {{')[1].split("}")[0]
    colours = dict(re.findall(r"--([\w-]+): #([0-9a-f]{6});", block))
    lighter, darker = sorted((luminance(colours[ink]), luminance(colours[ground])), reverse=True)
    assert (lighter + 0.05) / (darker + 0.05) >= least
