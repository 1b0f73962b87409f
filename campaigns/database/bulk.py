"""Many rows in one statement, their values in one parameter.

A place and a value for each column of each row is what makes a large statement dear: they are written, parsed and
bound one by one. Here a list of keys is one array, and a table of values is one JSON document, on PostgreSQL and on
SQLite. No rules: who may write what is for `lifecycle` and `ledger`, the callers.
"""

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import lru_cache
from typing import Any

from django.db import connection
from django.db.models import F, Field, Model
from django.db.models.lookups import Lookup

Row = Sequence[Any]


class _Among(Lookup):  # not generic at run time
    """`column IN (values)` with one parameter. Made by `among`."""

    lookup_name = "among"
    prepare_rhs = False

    def as_sql(self, compiler: Any, connection: Any) -> tuple[str, Any]:
        column, params = self.process_lhs(compiler, connection)
        # the column is Django's own quoted name
        if connection.vendor == "postgresql":
            kind = str(self.lhs.output_field.db_type(connection))
            kind = "text" if kind.startswith("varchar") else kind
            return f"{column} = ANY(%s::{kind}[])", (*params, _array(self.rhs))
        return f"{column} IN (SELECT value FROM json_each(%s))", (*params, json.dumps(self.rhs))  # noqa: S608


def _array(values: Sequence[str] | Sequence[int]) -> str:
    """PostgreSQL's own writing of an array; psycopg writes a list value by value, and slower than all the rest."""
    return "{" + ",".join('"' + str(value).replace("\\", "\\\\").replace('"', '\\"') + '"' for value in values) + "}"


def among(column: str, values: Sequence[str] | Sequence[int]) -> Any:
    """A condition for `filter`: the column's value is one of these."""
    return _Among(F(column), list(values))


def insert_many(model: type[Model], names: Sequence[str], rows: Sequence[Row]) -> None:
    """Insert rows given as values of `names` (attribute names), in one statement."""
    if not rows:
        return
    fields = _fields(model, tuple(names))
    source = _Source(fields, rows)
    columns = ", ".join(_quoted(field) for field in fields)
    values = ", ".join(source.expressions)
    # table and columns are the model's own names; every value is a parameter
    statement = f"INSERT INTO {_table(model)} ({columns}) SELECT {values} FROM {source.sql}"  # noqa: S608
    with connection.cursor() as cursor:
        cursor.execute(statement, [*source.constants, source.document])


def update_many(model: type[Model], names: Sequence[str], rows: Sequence[Row], *, where: Mapping[str, Any]) -> None:
    """Write the columns `names` of many rows; `names` begins with the primary key. `where`: what all must still be."""
    if not rows:
        return
    fields = _fields(model, tuple(names))
    source = _Source(fields, rows, vary=1)
    changes = ", ".join(
        f"{_quoted(field)} = {value}" for field, value in zip(fields[1:], source.expressions[1:], strict=True)
    )
    table, key = _table(model), _quoted(fields[0])
    standing = "".join(f" AND {table}.{_quoted(field)} = %s" for field in _fields(model, tuple(where)))
    # as above
    statement = (
        f"UPDATE {table} SET {changes} FROM {source.sql} WHERE {table}.{key} = {source.expressions[0]}{standing}"  # noqa: S608
    )
    with connection.cursor() as cursor:
        cursor.execute(statement, [*source.constants, source.document, *where.values()])


class _Source:
    """Rows as a table `fresh`; what all rows share is no column of it but a parameter.

    `vary`: so many columns from the left are in the table in any case. `expressions`: what to select for each column.
    """

    def __init__(self, fields: Sequence["Field[Any, Any]"], rows: Sequence[Row], *, vary: int = 0) -> None:
        self.constants: list[Any] = []
        self.expressions: list[str] = []
        reads: list[str] = []
        columns: list[list[Any]] = []
        for place, field in enumerate(fields):
            values = [row[place] for row in rows]
            if place >= vary and values.count(values[0]) == len(values):
                self.expressions.append(f"CAST(%s AS {_type(field)})" if connection.vendor == "postgresql" else "%s")
                self.constants.append(field.get_db_prep_save(values[0], connection=connection))
                continue
            self.expressions.append(f"fresh.c{place}")
            reads.append(f"{_read(field, len(columns))} AS c{place}")
            columns.append(list(map(field.get_prep_value, values)))
        each = (
            "jsonb_array_elements(%s::jsonb) AS item" if connection.vendor == "postgresql" else "json_each(%s) AS item"
        )
        self.sql = f"(SELECT {', '.join(reads) or '1'} FROM {each}) AS fresh"  # noqa: S608
        self.document = json.dumps(list(zip(*columns, strict=True)) or [0] * len(rows), default=_plain)


def _read(field: "Field[Any, Any]", place: int) -> str:
    """One value of a row of the document as the column has it."""
    if connection.vendor != "postgresql":
        return f"json_extract(item.value, '$[{place}]')"
    if field.get_internal_type() == "JSONField":
        return f"item -> {place}"
    return f"(item ->> {place})::{_type(field)}"


def _plain(value: Any) -> str:
    """Times and decimals as text that both engines read."""
    if isinstance(value, datetime):
        value = connection.ops.adapt_datetimefield_value(value)
    return str(value)


def _type(field: "Field[Any, Any]") -> str:
    return str(field.db_type(connection))


def _quoted(field: "Field[Any, Any]") -> str:
    return connection.ops.quote_name(str(field.column))


def _table(model: type[Model]) -> str:
    return connection.ops.quote_name(model._meta.db_table)


@lru_cache(maxsize=64)
def _fields(model: type[Model], names: tuple[str, ...]) -> tuple["Field[Any, Any]", ...]:
    by_name = {name: field for field in model._meta.concrete_fields for name in (field.name, field.attname)}
    return tuple(by_name[name] for name in names)
