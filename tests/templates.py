"""An undefined variable in one of our templates fails the test instead of leaving a gap in the page."""

import inspect
from pathlib import Path
from typing import Any

HOUSE = Path(__file__).resolve().parent.parent


class UndefinedTemplateVariable(Exception):
    """A template of ours asked for a name that its view did not give."""


class UndefinedVariable(str):
    """Django's `string_if_invalid`: truthy and with a place for the name, so that Django calls `%` on it."""

    __slots__ = ()

    def __bool__(self) -> bool:
        return True

    def __contains__(self, text: object) -> bool:
        return text == "%s"

    def __mod__(self, variable: Any) -> str:
        origin = _template_being_rendered()
        if HOUSE in origin.parents and ".venv" not in origin.parts:
            raise UndefinedTemplateVariable(f"{variable} is undefined in {origin.relative_to(HOUSE)}")
        return ""  # Django's own pages (the admin) rely on gaps


def _template_being_rendered() -> Path:
    frame = inspect.currentframe()
    while frame is not None:
        if frame.f_code.co_name in {"render", "render_annotated"}:
            origin = getattr(frame.f_locals.get("self"), "origin", None)
            if origin is not None:
                return Path(str(origin.name))
        frame = frame.f_back
    return Path()
