"""Marks by id, their targets, comments and mentions."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.urls import reverse
from hypothesis import given
from hypothesis import strategies as st

from campaigns.models import User
from generation.models import Generation
from review.models import Annotation, Comment, Notice
from review.queries.marks import read_comments, read_marks
from review.rules.places import NoTarget, read_place, write_target
from review.services.annotations import MarksRefused, save_marks
from review.services.comments import CommentRefused, add_comment, mentioned
from tests.factories import GenerationFactory, MembershipFactory, SignOffFactory, UserFactory

WIDTH, HEIGHT = 96, 64


def fragment(value: str) -> dict[str, Any]:
    return {"source": "x", "selector": {"type": "FragmentSelector", "value": value}}


def polygon(points: str) -> dict[str, Any]:
    return {"source": "x", "selector": {"type": "SvgSelector", "value": f'<svg><polygon points="{points}" /></svg>'}}


def addition(name: str = "mark-0001", **fields: Any) -> dict[str, Any]:
    return {"id": name, "shape": "rectangle", "kind": "change", "target": fragment("xywh=pixel:10,20,30,40"), **fields}


@pytest.fixture
def image(db: None) -> Generation:
    return GenerationFactory(ready=True)


@pytest.fixture
def ana(image: Generation) -> User:
    return MembershipFactory(workspace=image.workspace, user__name="Ana Moreau", user__email="ana@aurora.example").user


def test_a_place_is_written_anew_and_read_back() -> None:
    place = read_place(shape="rectangle", target=fragment("xywh=pixel:10.123456,20,30,400"), width=WIDTH, height=HEIGHT)
    assert place.box == (10.12, 20, 30, 44)  # cut at the edge of the image
    target = write_target(place=place, source="gen_1")
    assert target["selector"]["value"] == "xywh=pixel:10.12,20,30,44"
    assert read_place(shape="rectangle", target=target, width=WIDTH, height=HEIGHT) == place


@given(
    st.lists(
        st.tuples(st.floats(0, WIDTH, allow_nan=False), st.floats(0, HEIGHT, allow_nan=False)), min_size=3, max_size=40
    )
)
def test_any_outline_survives_or_is_refused(points: list[tuple[float, float]]) -> None:
    target = polygon(" ".join(f"{x:.6f},{y:.6f}" for x, y in points))
    try:
        place = read_place(shape="freehand", target=target, width=WIDTH, height=HEIGHT)
    except NoTarget:
        return
    again = read_place(shape="freehand", target=write_target(place=place, source="g"), width=WIDTH, height=HEIGHT)
    assert again == place


@pytest.mark.parametrize(
    ("shape", "target"),
    [
        ("circle", fragment("xywh=pixel:1,1,9,9")),
        ("rectangle", None),
        ("rectangle", []),
        ("rectangle", {"selector": "xywh=pixel:1,1,9,9"}),
        ("rectangle", fragment("xywh=pixel:1,1,nan,9")),
        ("rectangle", fragment("xywh=pixel:1,1,1e999,9")),
        ("rectangle", fragment("xywh=pixel:1,1,-9,9")),
        ("rectangle", fragment("xywh=pixel:500,1,9,9")),
        ("rectangle", fragment("xywh=percent:1,1,9,9")),
        ("rectangle", polygon("1,1 9,9 1,9")),
        ("polygon", polygon("1,1 9,9")),
        ("polygon", polygon("1,1 9,9 <script>")),
        ("polygon", polygon('1,1 9,9 1,9" onload="alert(1)')),
        ("polygon", polygon("1,1 5,5 9,9 1,9 " * 500)),
        ("polygon", {"selector": {"type": "SvgSelector", "value": "<svg><script>alert(1)</script></svg>"}}),
        (["pin"], fragment("xywh=pixel:1,1,0,0")),
    ],
)
def test_what_is_no_place_is_refused(shape: Any, target: Any) -> None:
    with pytest.raises(NoTarget, match=r"\."):
        read_place(shape=shape, target=target, width=WIDTH, height=HEIGHT)


def test_an_addition_is_stored_once_and_never_overwrites(image: Generation, ana: User) -> None:
    assert save_marks(generation=image, by=ana, additions=[addition(text="Lift it")]).saved == ["mark-0001"]
    again = addition(text="Other words", target=fragment("xywh=pixel:0,0,5,5"))
    assert save_marks(generation=image, by=ana, additions=[again]).saved == ["mark-0001"]
    mark = Annotation.objects.get()
    assert mark.target["selector"]["value"] == "xywh=pixel:10,20,30,40"
    assert mark.target["source"] == image.pk
    assert [comment.text for comment in Comment.objects.all()] == ["Lift it"]
    stranger = UserFactory()
    assert list(save_marks(generation=image, by=stranger, additions=[addition()]).refused) == ["mark-0001"]


def test_two_people_marking_at_once_lose_nothing(image: Generation, ana: User) -> None:
    ben = UserFactory()
    save_marks(generation=image, by=ana, additions=[addition("mark-of-ana")])
    save_marks(generation=image, by=ben, additions=[addition("mark-of-ben")])
    assert [mark.id for mark in read_marks(image, viewer=ana)] == ["mark-of-ana", "mark-of-ben"]


def test_a_stale_change_is_a_conflict_for_this_mark_alone(image: Generation, ana: User) -> None:
    save_marks(generation=image, by=ana, additions=[addition("mark-0001"), addition("mark-0002")])
    save_marks(generation=image, by=ana, changes=[{"id": "mark-0001", "version": 1, "kind": "keep"}])
    outcome = save_marks(
        generation=image,
        by=ana,
        changes=[
            {"id": "mark-0001", "version": 1, "kind": "remove"},
            {"id": "mark-0002", "version": 1, "kind": "remove"},
        ],
    )
    assert outcome.saved == ["mark-0002"]
    assert list(outcome.conflicts) == ["mark-0001"]
    assert dict(Annotation.objects.values_list("pk", "kind")) == {"mark-0001": "keep", "mark-0002": "remove"}


def test_anybody_resolves_but_only_the_author_moves_or_deletes(image: Generation, ana: User) -> None:
    ben = UserFactory()
    save_marks(generation=image, by=ana, additions=[addition()])
    theirs = {"id": "mark-0001", "version": 1}
    assert save_marks(generation=image, by=ben, deletions=[theirs]).refused
    assert save_marks(generation=image, by=ben, changes=[{**theirs, "kind": "keep"}]).refused
    assert save_marks(generation=image, by=ben, changes=[{**theirs, "resolved": True}]).saved
    assert read_marks(image, viewer=ana)[0].resolved_words == f"Resolved by {ben}"
    assert save_marks(generation=image, by=ben, changes=[{"id": "mark-0001", "version": 2, "resolved": False}]).saved
    assert Annotation.objects.get().resolved_by is None
    assert save_marks(generation=image, by=ana, deletions=[{"id": "mark-0001", "version": 3}]).saved
    assert save_marks(generation=image, by=ana, deletions=[{"id": "mark-0001", "version": 3}]).saved
    assert read_marks(image, viewer=ana) == []


@pytest.mark.parametrize(
    "item",
    [
        "not a mark",
        None,
        {},
        {"id": 7},
        {"id": "a"},
        {"id": "../../etc/passwd"},
        addition(kind="explode"),
        addition(kind=["keep"]),
        addition(text={"a": 1}),
        addition(text="x" * 5000),
    ],
)
def test_a_bad_addition_is_refused_and_the_good_one_beside_it_kept(image: Generation, ana: User, item: Any) -> None:
    outcome = save_marks(generation=image, by=ana, additions=[item, addition("mark-good")])
    assert outcome.saved == ["mark-good"]
    assert len(outcome.refused) == 1
    assert Annotation.objects.get().pk == "mark-good"


def test_a_signed_stack_takes_no_marks(image: Generation, ana: User) -> None:
    SignOffFactory(generation=image)
    with pytest.raises(MarksRefused, match="signed"):
        save_marks(generation=image, by=ana, additions=[addition()])


def test_too_many_at_once_are_refused_whole(image: Generation, ana: User) -> None:
    with pytest.raises(MarksRefused):
        save_marks(generation=image, by=ana, additions=[addition(f"mark-{n:04}") for n in range(201)])


@pytest.mark.both_engines
@pytest.mark.django_db(transaction=True)
def test_the_same_addition_ten_times_at_once_is_one_mark_with_one_comment() -> None:
    image, ana = GenerationFactory(ready=True), UserFactory()

    def add(_: int) -> list[str]:
        try:
            return save_marks(generation=image, by=ana, additions=[addition(text="Lift it")]).saved
        finally:
            connection.close()

    with ThreadPoolExecutor(max_workers=10) as pool:
        assert list(pool.map(add, range(10))) == [["mark-0001"]] * 10
    assert (Annotation.objects.count(), Comment.objects.count()) == (1, 1)


def test_mentions_reach_members_of_this_workspace_only(image: Generation, ana: User) -> None:
    ben = MembershipFactory(workspace=image.workspace, user__name="Ben Okafor", user__email="ben@aurora.example").user
    MembershipFactory(user__name="Cleo", user__email="cleo@other.example")
    comment = add_comment(generation=image, by=ana, text="@Ben, and @cleo@other.example @ana: lift the shadow.")
    assert set(comment.mentions.all()) == {ana, ben}
    notice = Notice.objects.get()  # nobody is told of one's own words
    assert (notice.user, notice.kind, notice.generation) == (ben, Notice.Kind.MENTION, image)
    assert "Ana Moreau" in notice.text


def test_a_comment_says_whom_it_reached_and_which_names_mean_nobody(
    client: Client, image: Generation, ana: User
) -> None:
    MembershipFactory(workspace=image.workspace, user__name="Jonas Weber")
    client.force_login(ana)
    said = {"text": "@Jonas, @jo and @jo: lift the\n<shadow>."}
    page = client.post(reverse("comments", args=[image.pk]), said).content.decode()
    assert "Told: Jonas Weber. No one person here is called @jo. Write" in page
    assert '<b class="mention">@Jonas</b>, @jo and @jo: lift the<br>&lt;shadow&gt;.' in page
    plain = client.post(reverse("comments", args=[image.pk]), {"text": "Warmer, please"}).content.decode()
    assert 'class="told"' not in plain


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("@ben@aurora.example.", ["Ben Okafor"]),
        ("see @BenOkafor!", ["Ben Okafor"]),
        ("mail ben@aurora.example", []),
        ("@sam", []),  # two of them
        ("@sam@aurora.example", ["Sam One"]),
        ("@", []),
    ],
)
def test_who_is_meant(image: Generation, text: str, found: list[str]) -> None:
    people = [
        ("Ben Okafor", "ben@aurora.example"),
        ("Sam One", "sam@aurora.example"),
        ("Sam Two", "sam2@aurora.example"),
    ]
    for name, email in people:
        MembershipFactory(workspace=image.workspace, user__name=name, user__email=email)
    assert [str(user) for user in mentioned(text=text, workspace_id=image.workspace_id)] == found


@pytest.mark.parametrize("text", ["", "  \n ", "\x00", "x" * 4001])
def test_an_empty_or_endless_comment_is_refused(image: Generation, ana: User, text: str) -> None:
    with pytest.raises(CommentRefused):
        add_comment(generation=image, by=ana, text=text)


def test_the_same_words_sent_again_after_a_lost_answer_are_one_comment(image: Generation, ana: User) -> None:
    for text in ("Lift the shadow.", "Lift the shadow. ", "And warmer.", "Lift the shadow."):
        add_comment(generation=image, by=ana, text=text)
    add_comment(generation=image, by=UserFactory(), text="Lift the shadow.")
    said = list(Comment.objects.values_list("text", flat=True))
    assert said == ["Lift the shadow.", "And warmer.", "Lift the shadow.", "Lift the shadow."]


def test_a_comment_belongs_to_a_mark_of_its_own_image(image: Generation, ana: User) -> None:
    save_marks(generation=image, by=ana, additions=[addition()])
    mark = Annotation.objects.get()
    add_comment(generation=image, by=ana, text="On the mark", annotation=mark)
    add_comment(generation=image, by=ana, text="On the image")
    with pytest.raises(CommentRefused):
        add_comment(generation=GenerationFactory(ready=True), by=ana, text="Elsewhere", annotation=mark)
    assert [words.text for words in read_comments(image)] == ["On the image"]
    assert [words.text for words in read_marks(image, viewer=ana)[0].words] == ["On the mark"]
