"""The periods of a report, in whole days of the house's time zone. Pure."""

from dataclasses import dataclass
from datetime import date, timedelta

MONTH, QUARTER, LAST_QUARTER, ALL = "month", "quarter", "last-quarter", "all"
LABELS = {MONTH: "This month", QUARTER: "This quarter", LAST_QUARTER: "Last quarter", ALL: "All time"}
DEFAULT = QUARTER


@dataclass(frozen=True, slots=True)
class Period:
    """From `first` to before `end`; None is open."""

    name: str
    first: date | None
    end: date | None

    @property
    def label(self) -> str:
        """For people."""
        return LABELS[self.name]


def period(name: str, *, today: date) -> Period:
    """The period of this name; the default one for any other word."""
    quarter = date(today.year, 3 * ((today.month - 1) // 3) + 1, 1)
    if name == MONTH:
        first = today.replace(day=1)
        return Period(MONTH, first, _months_later(first, 1))
    if name == LAST_QUARTER:
        last = quarter - timedelta(days=1)
        return Period(LAST_QUARTER, date(last.year, 3 * ((last.month - 1) // 3) + 1, 1), quarter)
    if name == ALL:
        return Period(ALL, None, None)
    return Period(QUARTER, quarter, _months_later(quarter, 3))


def _months_later(first: date, months: int) -> date:
    index = first.year * 12 + first.month - 1 + months
    return date(index // 12, index % 12 + 1, 1)
