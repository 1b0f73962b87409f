"""A report's table: page and CSV show the same columns and the same rows. Pure."""

import csv
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from io import StringIO

Cell = str | int | Decimal | None
# What a spreadsheet would run as a formula (OWASP, CSV injection).
_FORMULA = ("=", "+", "-", "@", "\t", "\r")
MONEY, NUMBER, WORDS = "money", "number", "words"


@dataclass(frozen=True, slots=True)
class Column:
    """`kind`: words, number, or money (USD). `note` explains the heading where it needs that."""

    label: str
    kind: str = WORDS
    note: str = ""


@dataclass(frozen=True, slots=True)
class Row:
    """One line. `share` is its part of the table's total, 0 to 1, where that says something."""

    cells: tuple[Cell, ...]
    share: Decimal = Decimal(0)


@dataclass(frozen=True, slots=True)
class Table:
    """`name` is its address as CSV; `question` is the heading on the page."""

    name: str
    question: str
    columns: tuple[Column, ...]
    rows: tuple[Row, ...]

    @property
    def lines(self) -> list["Line"]:
        """The rows as the page shows them."""
        return [
            Line(
                [(column, shown(cell, kind=column.kind)) for column, cell in zip(self.columns, row.cells, strict=True)],
                row.share,
            )
            for row in self.rows
        ]


@dataclass(frozen=True, slots=True)
class Line:
    """A row in words: each cell with its column."""

    cells: list[tuple[Column, str]]
    share: Decimal


def shown(cell: Cell, *, kind: str) -> str:
    """A cell as people read it; "–" where there is nothing to say."""
    if cell is None:
        return "–"
    if kind == MONEY:
        return usd(Decimal(cell))
    return f"{cell:,}" if kind == NUMBER else str(cell)


def usd(amount: Decimal) -> str:
    """`$1,234.50`; four places for what is less than a cent."""
    sign = "−" if amount < 0 else ""
    size = abs(amount)
    places = 4 if 0 < size < Decimal("0.01") else 2
    return f"{sign}${size:,.{places}f}"


def shares(amounts: Sequence[Decimal]) -> list[Decimal]:
    """Each amount as a part of their sum; 0 where the sum is 0."""
    total = sum(amounts, Decimal(0))
    return [amount / total if total > 0 else Decimal(0) for amount in amounts]


def to_csv(table: Table) -> bytes:
    """UTF-8 with a byte order mark, so that spreadsheets read it as such; formulas are made harmless."""
    target = StringIO()
    writer = csv.writer(target)
    writer.writerow([f"{column.label} (USD)" if column.kind == MONEY else column.label for column in table.columns])
    for row in table.rows:
        writer.writerow([_plain(cell) for cell in row.cells])
    return ("\ufeff" + target.getvalue()).encode()


def _plain(cell: Cell) -> str:
    if cell is None:
        return ""
    if isinstance(cell, Decimal):
        return f"{cell:.6f}"
    if isinstance(cell, int):
        return str(cell)
    return f"'{cell}" if cell.startswith(_FORMULA) else cell
