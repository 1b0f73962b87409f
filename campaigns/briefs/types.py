"""The shapes of an import, its limits, and its one error."""

from collections.abc import Sequence
from dataclasses import dataclass

_MOST_PROBLEMS = 10


@dataclass(frozen=True, slots=True)
class Limits:
    """What an upload may be. Bytes are those of the file; `most_posts` counts shots."""

    max_brief_bytes: int = 200_000
    most_posts: int = 10_000
    max_file_bytes: int = 10_000_000


DEFAULT_LIMITS = Limits()


@dataclass(frozen=True, slots=True)
class Post:
    """One wanted picture. Empty text and None: left to the planner. `width` and `height` in pixels, both or none."""

    slug: str
    title: str
    description: str = ""
    mood: str = ""
    kind: str = ""
    aspect_ratio: str = ""
    width: int | None = None
    height: int | None = None
    model: str = ""
    wants_text: bool = False


@dataclass(frozen=True, slots=True)
class Import:
    """All posts of a file, and what people should know about how it was read."""

    posts: tuple[Post, ...]
    notices: tuple[str, ...] = ()


class BriefError(Exception):
    """Nothing was imported. The message is for people and names up to ten problems, `problems` lists the same.

    `where` is the first place: "post 3", "line 4", "line 2, column 17", or empty for the whole file.
    """

    def __init__(self, message: str, where: str = "", *, problems: Sequence[str] = ()) -> None:
        self.where = where
        self.problems = tuple(problems) or (message,)
        super().__init__(message)


class Problems:
    """Collects what is wrong with a file, so that people mend it in one go."""

    def __init__(self) -> None:
        self._found: list[str] = []
        self._count = 0
        self._where = ""

    def add(self, where: str, what: str) -> None:
        """`where` opens the sentence ("Post 3"), `what` goes on ("has no title")."""
        self._count += 1
        self._where = self._where or where.lower()
        if len(self._found) < _MOST_PROBLEMS:
            self._found.append(f"{where} {what}.")

    def raise_if_any(self) -> None:
        """Raises BriefError with all that was found."""
        if not self._count:
            return
        found = list(self._found)
        if self._count > len(found):
            found.append(f"And {self._count - len(found):,} more.")
        raise BriefError("Nothing was imported. " + " ".join(found), self._where, problems=found)
