"""What people bring: posts.json, tables and briefs, each taken whole or refused with all its problems."""

import codecs
import csv
import io
import json
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from campaigns.briefs import BriefError, Import, Limits, Post, read_brief, read_posts, read_table, read_upload

SAMPLES = Path(__file__).resolve().parents[2] / "campaigns" / "samples"
POST = {"slug": "hero", "title": "Hero", "description": "Headphones on a plinth", "mood": "calm"}


def as_json(posts: object, encoding: str = "utf-8") -> bytes:
    return json.dumps(posts, ensure_ascii=False).encode(encoding)


def refusal(read: Callable[[], object]) -> BriefError:
    with pytest.raises(BriefError) as raised:
        read()
    return raised.value


# --- posts.json -----------------------------------------------------------------------


def test_the_sample_is_read_whole() -> None:
    imported = read_posts((SAMPLES / "posts.json").read_bytes())
    assert len(imported.posts) == 6
    assert imported.notices == ()
    assert imported.posts[0].slug == "two-quiet-hours"
    assert imported.posts[5].mood == "dreamy, minimal"


def test_every_field_of_a_post() -> None:
    extra = {
        "kind": "Hero",
        "aspect_ratio": "16/9",
        "width": 1344,
        "height": 768.0,
        "model": "sdxl",
        "wants_text": True,
    }
    imported = read_posts(as_json({"posts": [POST | extra | {"author": "M.", "nothing": None}]}))
    assert imported.posts == (
        Post("hero", "Hero", "Headphones on a plinth", "calm", "hero", "16:9", 1344, 768, "sdxl", wants_text=True),
    )
    assert imported.notices == ("Not used: “author”, “nothing”.",)


def test_only_a_title_is_needed_and_slugs_are_made_unique() -> None:
    titles = ["Hero", "Hero", "Über uns!", "日本", "x" * 160, "x" * 160]
    posts = read_posts(as_json([{"title": title} for title in titles] + [{"title": "Other", "slug": "hero-2"}])).posts
    assert [post.slug for post in posts[:4]] == ["hero", "hero-3", "uber-uns", "post-4"]
    assert len({post.slug for post in posts}) == len(posts)
    assert all(len(post.slug) <= 80 for post in posts)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32"])
def test_unicode_in_every_dress(encoding: str) -> None:
    imported = read_posts(as_json([{"title": "Früher Zug — “weiß”"}], encoding))
    assert imported.posts[0].title == "Früher Zug — “weiß”"
    assert imported.notices == ()


def test_windows_text_is_read_with_a_notice() -> None:
    imported = read_posts(as_json([{"title": "Früher Zug – weiß"}], "cp1252"))
    assert imported.posts[0].title == "Früher Zug – weiß"
    assert "Windows-1252" in imported.notices[0]


def test_characters_that_nobody_typed_are_dropped() -> None:
    imported = read_posts(b'[{"title": "He\\u0000ro\\u202e \\ud800x\\n2", "description": "a\\u0007\\r\\nb\\tc"}]')
    assert imported.posts[0].title == "Hero x 2"
    assert imported.posts[0].description == "a\nb\tc"


@pytest.mark.parametrize(
    ("content", "words", "where"),
    [
        (b"", "empty", ""),
        (b"  \n ", "empty", ""),
        (b"[]", "list is empty", ""),
        (b'[{"title": "a"},\n {"title" "b"}]', "line 2, column 11 a colon is missing", "line 2, column 11"),
        (b'[{"title": "a"} {"title": "b"}]', "a comma is missing", "line 1, column 17"),
        (b'[{"title": "a",}]', "comma too many", "line 1, column 16"),
        (b'[{"title": "a}]', "closing quotation mark is missing", "line 1, column 12"),
        (b'[{"title": "a\nb"}]', "a line break", "line 1, column 14"),
        (b'[{"title": "a\\qb"}]', "backslash", "line 1, column 14"),
        (b'[{"title": "a"}] and more', "more follows", "line 1, column 18"),
        (b'{"title": "a"}', "square brackets", ""),
        (b'{"shots": []}', "no list of posts", ""),
        (b'"text"', "no list of posts", ""),
        (b"null", "no list of posts", ""),
        (b"[" * 100_000, "more than 10,000 posts", ""),
        (b"[" * 60_000 + b"]" * 60_000, "nested too deeply", ""),
        (b'[{"title": "a", "width": ' + b"9" * 5_000 + b"}]", "number that is too long", ""),
        (b'[{"title": "a", "title": "b"}]', "“title” twice", ""),
        (b"[1, null, []]", "Post 1 is not an object in braces. Post 2", "post 1"),
        (b"%PDF-1.7", "a PDF", ""),
        (b"PK\x03\x04", "Office document", ""),
        (bytes(range(32)) * 20, "not text", ""),
        (bytes(range(256)) * 20, "cannot be read as text", ""),
    ],
)
def test_broken_files_say_what_and_where(content: bytes, words: str, where: str) -> None:
    error = refusal(lambda: read_posts(content))
    assert words in str(error)
    assert error.where == where


@pytest.mark.parametrize(
    ("fields", "problem"),
    [
        ({"title": None}, "Post 1 has no title."),
        ({"title": " \u200b"}, "Post 1 has no title."),
        ({"title": 5}, "Post 1 has a number as its title; it must be a text."),
        ({"description": ["a"]}, "Post 1 has a list as its description; it must be a text."),
        ({"mood": True}, "Post 1 has true or false as its mood; it must be a text."),
        ({"title": "x" * 161}, "Post 1 has a title of 161 characters; 160 is the limit."),
        ({"kind": "selfie"}, "Post 1 has the kind “selfie”; it may be hero, lifestyle"),
        ({"aspect_ratio": "wide"}, "Post 1 has the aspect_ratio “wide”; write it like 16:9."),
        ({"aspect_ratio": "0:9"}, "“0:9”"),
        ({"width": 1024}, "Post 1 has only one of width and height"),
        ({"width": 10, "height": 40_000}, "Post 1 has the width “10”; it must be 64 to 4,096 whole pixels"),
        ({"width": True, "height": "100"}, "Post 1 has the width “True”"),
        ({"width": 1e300, "height": 100}, "Post 1 has the width “1e+300”"),
        ({"wants_text": "maybe"}, "Post 1 has “maybe” as wants_text; it must be yes or no"),
        ({"wants_text": 3}, "“3” as wants_text"),
    ],
)
def test_wrong_fields_are_named(fields: dict[str, object], problem: str) -> None:
    error = refusal(lambda: read_posts(as_json([POST | fields])))
    assert problem in str(error)
    assert str(error).startswith("Nothing was imported.")


def test_duplicate_slugs_name_both_places() -> None:
    posts = [POST, POST | {"slug": "other"}, POST | {"slug": "Hero!"}]
    error = refusal(lambda: read_posts(as_json(posts)))
    assert str(error) == "Nothing was imported. Post 3 has the slug “hero”, which post 1 has already."
    assert error.where == "post 3"


def test_ten_problems_at_once_and_how_many_more() -> None:
    error = refusal(lambda: read_posts(as_json([{"title": ""}] * 37)))
    assert len(error.problems) == 11
    assert error.problems[0] == "Post 1 has no title."
    assert error.problems[-1] == "And 27 more."


def test_limits_are_those_of_the_caller() -> None:
    posts = [{"title": f"Post {number}"} for number in range(6)]
    assert len(read_posts(as_json(posts), most=6).posts) == 6
    assert "6 posts; a campaign takes up to 5" in str(refusal(lambda: read_posts(as_json(posts), most=5)))
    assert "MB; Loupe reads up to" in str(refusal(lambda: read_posts(as_json(posts), max_bytes=50)))


@pytest.mark.parametrize("title", ["Post {}", "Always the same"])
def test_ten_thousand_posts_cost_each_what_one_of_a_thousand_costs(title: str) -> None:
    """A pair of posts is never compared: ten times as many take about ten times as long, whatever the machine."""
    post = {"description": "Headphones on an oak desk, “früh” am Abend. " * 8, "mood": "calm, warm"}
    seconds = {}
    for count in (1_000, 10_000):
        content = as_json([post | {"title": title.format(number)} for number in range(count)])
        took = []
        for _ in range(2):
            started = time.process_time()
            posts = read_posts(content).posts
            took.append(time.process_time() - started)
        assert len({post.slug for post in posts}) == count
        seconds[count] = min(took)
    assert seconds[10_000] < 30 * seconds[1_000]


# --- tables ---------------------------------------------------------------------------


@pytest.mark.parametrize("separator", [",", ";", "\t", "|"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "cp1252"])
@pytest.mark.parametrize("line_end", ["\n", "\r\n"])
def test_tables_in_the_dialects_of_people(separator: str, encoding: str, line_end: str) -> None:
    written = io.StringIO(newline="")
    writer = csv.writer(written, delimiter=separator, lineterminator=line_end)
    description = f'Früh, spät; dann\twieder | “so”{line_end}und "so"'
    writer.writerows(
        [["Titel", "Beschreibung", "Stimmung"], [], ["Zug", description, "ruhig"], ["Haus", "", "=1+1"], ["", "", ""]]
    )
    imported = read_table(written.getvalue().encode(encoding))
    assert imported.posts == (
        Post("zug", "Zug", description.replace("\r\n", "\n"), "ruhig"),
        Post("haus", "Haus", "", "=1+1"),
    )
    assert bool(imported.notices) == (encoding == "cp1252")


def test_columns_may_have_many_names_and_any_order() -> None:
    content = (
        b"sep=;\r\nMOOD ;Internal note;ID;Aspect Ratio;Post_Title;Text;Width;Height;wants text\r\n"
        b"calm;x;a b;4:5;Hero;On oak;640;800;yes\r\n"
    )
    imported = read_table(content)
    assert imported.posts == (Post("a-b", "Hero", "On oak", "calm", "", "4:5", 640, 800, "", wants_text=True),)
    assert imported.notices == ("Not used: “Internal note”.",)


def test_a_title_beside_a_name_is_the_title() -> None:
    imported = read_table(b"name,title\nintern,Hero\n")
    assert imported.posts[0].title == "Hero"
    assert imported.notices == ("Not used: “name”.",)


@pytest.mark.parametrize(
    ("content", "words", "where"),
    [
        (b"", "empty", ""),
        (b"\n\n", "empty", ""),
        (b'""', "empty", ""),
        (b"title,mood\n", "no rows", ""),
        (b"a,b\n1,2\n", "The header has no title column (it names “a”, “b”)", "the header"),
        (b"Title,mood,title\nx,y,z\n", "more than once: “Title” (column 1) and “title” (column 3)", "the header"),
        (b"headline,name,mood\nx,y,z\n", "names the title more than once", "the header"),
        (b"title,mood\nHero,calm,warm,soft\n", "Line 2 has 4 fields where the header names 2", "line 2"),
        (b'title,mood\nHero,"calm\nand so on\n', "opens in line 2 and is never closed", "line 2"),
        (b"title,mood\n,calm\n\nHero,\n , x\n", "Line 2 has no title. Line 5 has no title.", "line 2"),
        (b"slug,title\na,Hero\nA,Detail\n", "Line 3 has the slug “a”, which line 2 has already", "line 3"),
        (b"title,width\nHero,wide\n", "has the width", "line 2"),
        (b"title\n" + b"a" * 200_000, "longer than 131,072", ""),
        (bytes(range(32)) * 20, "not text", ""),
        (b"PK\x03\x04xlsx", "Office document", ""),
    ],
)  # fmt: skip
def test_broken_tables_say_what_and_where(content: bytes, words: str, where: str) -> None:
    error = refusal(lambda: read_table(content))
    assert words in str(error)
    assert error.where == where


def test_short_rows_are_taken_with_a_notice_and_lines_are_those_of_the_file() -> None:
    imported = read_table(b'title,description,mood\n"He\nro"\n\nDetail,Close\nSocial,a,b,,\n')
    assert [post.title for post in imported.posts] == ["He ro", "Detail", "Social"]
    assert imported.notices == ("Rows with fewer fields than the header, the rest left empty: line 2, 5.",)


def test_words_after_a_closing_quotation_mark_are_survived() -> None:
    assert read_table(b'title,mood\n"Hero" two,calm\n').posts[0].title == "Hero two"


def test_ten_thousand_rows_in_about_a_second() -> None:
    content = "title;description;mood\n" + "".join(f'Post {n};"An oak desk; a lamp";calm\n' for n in range(10_000))
    started = time.process_time()
    assert len(read_table(content.encode()).posts) == 10_000
    assert time.process_time() - started < 2.0
    assert "10,001 rows" in str(refusal(lambda: read_table((content + "One more;;\n").encode())))


# --- briefs ---------------------------------------------------------------------------


def test_a_brief_is_normalised() -> None:
    brief = read_brief("\ufeff\r\n  Aurora \t\r\n\r\n\r\n\r\n\r\ncafe\u0301\x00\u202e end\u2028more\r", max_bytes=1_000)
    assert brief == "  Aurora\n\n\ncafé end\nmore"


def test_200_kilobytes_are_taken_and_one_byte_more_is_not() -> None:
    assert len(read_brief("ü" * 100_000, max_bytes=200_000)) == 100_000
    error = refusal(lambda: read_brief("ü" * 100_000 + "x", max_bytes=200_000))
    assert "200 kB" in str(error)


@pytest.mark.parametrize("text", ["", " \n\t", "\u200b\ufeff"])
def test_an_empty_brief_is_refused(text: str) -> None:
    assert "empty" in str(refusal(lambda: read_brief(text, max_bytes=1_000)))


def test_junk_is_no_brief() -> None:
    assert "not text" in str(refusal(lambda: read_brief("\x00\x01\x02" * 50 + "text" * 20, max_bytes=1_000)))
    assert "not text" in str(refusal(lambda: read_brief("\ufffd" * 50, max_bytes=1_000)))


# --- whatever is dropped --------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "content", "kind"),
    [
        ("posts.json", as_json([POST]), Import),
        ("posts.txt", as_json([POST]), Import),
        ("brief.md", b' \n{"posts": [{"title": "a"}]}', Import),
        ("x", codecs.BOM_UTF8 + as_json([POST]), Import),
        ("shots.csv", b"title\nHero\n", Import),
        ("shots.txt", b"Title;Mood\nHero;calm\n", Import),
        ("shots.xls", b"title\tmood\nHero\tcalm\n", Import),
        ("aurora.md", (SAMPLES / "aurora.md").read_bytes(), str),
        ("notes.txt", b"[Aurora] four launch shots", str),
        ("notes.txt", b"[x] hero\n[ ] detail", str),
        ("notes.txt", b"Title, mood and all that: we need four shots.", str),
        ("brief", "Früh am Abend".encode("cp1252"), str),
    ],
)
def test_what_is_inside_decides(name: str, content: bytes, kind: type) -> None:
    assert isinstance(read_upload(name, content), kind)


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("posts.json", b"four launch shots", "not valid JSON"),
        ("shots.csv", b"four launch shots", "no title column"),
        ("brief.pdf", b"%PDF-1.4", "a PDF"),
        ("brief.docx", b"PK\x03\x04", "Office document"),
        ("brief.doc", b"\xd0\xcf\x11\xe0", "old Office document"),
        ("brief.rtf", b"{\\rtf1 x}", "rich text"),
        ("hero.png", b"\x89PNG\r\n", "a picture"),
        ("hero.webp", b"RIFF1234WEBPVP8 ", "a picture"),
        ("brief.md", b"", "empty"),
        ("brief.md", b"x" * 200_001, "200 kB"),
        ("brief.md", b"x" * 10_000_001, "10 MB"),
    ],
)
def test_what_cannot_be_read_is_named(name: str, content: bytes, words: str) -> None:
    assert words in str(refusal(lambda: read_upload(name, content)))


LIMITS = Limits(max_brief_bytes=500, most_posts=5, max_file_bytes=2_000)
PIECES = [
    "[",
    "]",
    "{",
    "}",
    '"title"',
    ":",
    ",",
    '"a"',
    "null",
    "1e999",
    "NaN",
    "\\ud800",
    "\n",
    ";",
    "title",
    "mood",
    "|",
    "\t",
    '"',
    "=1",
    "\x00",
    "é",
]
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from([*POST, "width", "kind", "x"]), inner, max_size=6)
    ),
    max_leaves=12,
)
CONTENTS = (
    st.binary(max_size=600)
    | st.lists(st.sampled_from(PIECES), max_size=60).map("".join).map(lambda text: text.encode("utf-8"))
    | st.lists(st.sampled_from(PIECES), max_size=60).map("".join).map(lambda text: text.encode("utf-16"))
    | VALUES.map(lambda value: json.dumps(value).encode())
    | st.lists(st.fixed_dictionaries({"title": VALUES}, optional={"slug": VALUES, "width": VALUES}), max_size=7).map(
        lambda posts: json.dumps(posts).encode()
    )
)


@settings(max_examples=600, deadline=None)
@given(content=CONTENTS, name=st.sampled_from(["posts.json", "a.csv", "a.md", "", "🙂."]))
def test_any_bytes_are_imported_or_refused_but_never_another_error(content: bytes, name: str) -> None:
    for read in (
        lambda: read_posts(content, most=5, max_bytes=2_000),
        lambda: read_table(content, most=5, max_bytes=2_000),
        lambda: read_upload(name, content, LIMITS),
    ):
        try:
            taken = read()
        except BriefError as error:
            message = str(error)
            assert message.endswith(".")
            continue
        if isinstance(taken, str):
            assert taken.strip()
            continue
        assert 1 <= len(taken.posts) <= 5
        assert len({post.slug for post in taken.posts}) == len(taken.posts)
        for post in taken.posts:
            assert post.title
            assert post.slug
            assert "\x00" not in f"{post}"
            f"{post}".encode()
