"""What every page shows around its content."""

from typing import Any

from django.http import HttpRequest


def house(request: HttpRequest) -> dict[str, Any]:
    """`house` for base.html: workspace, navigation, banner."""
    return {"house": None}
