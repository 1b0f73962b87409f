"""Ticket, due date and budget as a brief words them: proposed to a person, never taken over by themselves."""

import re
from dataclasses import dataclass
from datetime import date
from decimal import Decimal, InvalidOperation

_KEY = r"[A-Z][A-Z0-9]{1,9}-\d{1,7}"
_TICKET_NAMED = re.compile(rf"\b(?:ticket|jira|issue|task)\b[^\n]{{0,20}}?\b({_KEY})\b", re.IGNORECASE)
# "MKT-2241 Launch" or "[MKT-2241] Launch" on the first line is the ticket; elsewhere it may be "ISO-9001".
_TICKET_FIRST = re.compile(rf"^\W{{0,6}}(?:ticket\W+)?({_KEY})\b")
_AMOUNT = r"(\d{1,3}(?:,\d{3})+(?:\.\d{1,2})?|\d{1,7}(?:\.\d{1,2})?)"
_BUDGET = re.compile(
    rf"\bbudget\b[^\n\d$€£]{{0,40}}(?:(?:US ?)?\$ ?|USD ?){_AMOUNT}(?![\d.,]*\d| ?[km]\b)"
    rf"|\bbudget\b[^\n\d$€£]{{0,40}}{_AMOUNT} ?(?:USD|US\$|\$|(?:US )?dollars)",
    re.IGNORECASE,
)
_DUE_WORDS = re.compile(
    r"\b(?:due(?: date| on| by)?|deadline|needed by|deliver(?:y|ed)? by|finals? by|live on)\b", re.IGNORECASE
)
_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_MONTH = (
    r"(jan(?:uary)?|feb(?:ruary)?|mar(?:ch)?|apr(?:il)?|may|june?|july?|aug(?:ust)?|sept?(?:ember)?|oct(?:ober)?"
    r"|nov(?:ember)?|dec(?:ember)?)\b\.?"
)
_ISO = re.compile(r"\b(\d{4})-(\d{2})-(\d{2})\b")
_DOTTED = re.compile(r"\b(\d{1,2})\.(\d{1,2})\.(\d{4})\b")
_DAY_FIRST = re.compile(rf"\b(\d{{1,2}})(?:st|nd|rd|th)?\.? (?:of )?{_MONTH}(?:,? (\d{{4}})\b)?", re.IGNORECASE)
_MONTH_FIRST = re.compile(rf"\b{_MONTH} (\d{{1,2}})(?:st|nd|rd|th)?\b(?:,? (\d{{4}})\b)?", re.IGNORECASE)
# What stands after "due" within so many characters is its date.
_NEAR = 40


@dataclass(frozen=True, slots=True)
class Terms:
    """What a brief says about itself. `budget` in USD; "" and None where it says nothing that is sure."""

    ticket: str = ""
    due_on: date | None = None
    budget: Decimal | None = None

    def __bool__(self) -> bool:
        return bool(self.ticket or self.due_on or self.budget is not None)


def find_terms(brief: str, *, today: date) -> Terms:
    """Read them. A date that has passed, a day without a month, and money that is no US dollars are left out."""
    return Terms(ticket=_find_ticket(brief), due_on=_find_due(brief, today), budget=_find_budget(brief))


def _find_ticket(brief: str) -> str:
    first = next((line for line in brief.splitlines() if line.strip()), "")
    found = _TICKET_NAMED.search(brief) or _TICKET_FIRST.match(first)
    # "issue 3-2" in small letters is no key
    return found[1] if found and found[1][0].isupper() else ""


def _find_budget(brief: str) -> Decimal | None:
    found = _BUDGET.search(brief)
    if found is None:
        return None
    try:
        return Decimal((found[1] or found[2]).replace(",", "")).quantize(Decimal("0.01"))
    except InvalidOperation:
        return None


def _find_due(brief: str, today: date) -> date | None:
    for words in _DUE_WORDS.finditer(brief):
        near = brief[words.end() : words.end() + _NEAR].split("\n")[0]
        found = _read_date(near, today)
        if found is not None and found >= today:
            return found
    return None


def _read_date(text: str, today: date) -> date | None:
    if iso := _ISO.search(text):
        return _as_date(int(iso[1]), int(iso[2]), int(iso[3]))
    if dotted := _DOTTED.search(text):
        return _as_date(int(dotted[3]), int(dotted[2]), int(dotted[1]))
    if found := _DAY_FIRST.search(text):
        day, month, year = found[1], found[2], found[3]
    elif found := _MONTH_FIRST.search(text):
        month, day, year = found[1], found[2], found[3]
    else:
        return None
    number = _MONTHS.index(month[:3].lower()) + 1
    if year:
        return _as_date(int(year), number, int(day))
    # without a year the next one is meant
    this_year = _as_date(today.year, number, int(day))
    return this_year if this_year is None or this_year >= today else _as_date(today.year + 1, number, int(day))


def _as_date(year: int, month: int, day: int) -> date | None:
    try:
        return date(year, month, day)
    except ValueError:
        return None
