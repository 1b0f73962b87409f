"""Statements that are asked again and again: the ORM writes them once, then they are run with other values.

Writing the SQL of a page takes Django longer than it takes PostgreSQL to answer it, and planning it there takes
longer than finding the rows: PostgreSQL keeps the plan as well (docs/adr/0009).
"""

import re
from typing import Any

import psycopg
from django.db import connection
from django.db.models import Model, QuerySet
from django.db.models.constants import OnConflict
from django.db.models.expressions import Expression
from django.db.models.sql import InsertQuery, UpdateQuery


class Given(Expression):
    """Stands in a statement for a value that each run brings along. `field` says how the database takes it."""

    def __init__(self, name: str, field: Any) -> None:
        super().__init__(output_field=field)
        self.name = name

    def __repr__(self) -> str:
        return f"Given({self.name})"

    def as_sql(self, compiler: Any, connection: Any) -> Any:
        """A place for a parameter; `Written` fills it."""
        return "%s", [self]


class _PreparedCursor(psycopg.Cursor[Any]):
    """Binds in the server and lets it keep the plan, unless DATABASE_URL says `?prepare=off`."""

    def execute(self, query: Any, params: Any = None, **options: Any) -> Any:  # type: ignore[override]
        return super().execute(query, params, **{**options, "prepare": True})


class Written:
    """SQL with places for the values of a run; what is the same at every run is part of it."""

    def __init__(self, sql: str, parameters: Any) -> None:
        self.sql, self._places = _with_constants(sql, list(parameters))

    def execute(self, cursor: Any, values: dict[str, Any]) -> None:
        """Runs it on Django's cursor. Raises KeyError where a value is missing. One query."""
        if connection.vendor == "postgresql" and not connection.queries_logged:
            # whoever logs queries reads them with their values in them, which Django's own cursor tells
            cursor.cursor = _PreparedCursor(cursor.connection)
        cursor.execute(self.sql, [_bound(each, values) for each in self._places])


class Statement(Written):
    """One `values_list()`."""

    def __init__(self, queryset: "QuerySet[Any, Any]") -> None:
        compiler: Any = queryset.query.get_compiler(connection=connection)
        super().__init__(*compiler.as_sql())
        self._converters = list(compiler.get_converters([column for column, _, _ in compiler.select]).items())

    def run(self, **values: Any) -> list[tuple[Any, ...]]:
        """All rows, as `values_list()` gives them."""
        with connection.cursor() as cursor:
            self.execute(cursor, values)
            rows: list[tuple[Any, ...]] = cursor.fetchall()
        return [self._converted(row) for row in rows] if self._converters else rows

    def _converted(self, row: tuple[Any, ...]) -> tuple[Any, ...]:
        values = list(row)
        for place, (converters, expression) in self._converters:
            for convert in converters:
                values[place] = convert(values[place], expression, connection)
        return tuple(values)


class Change(Written):
    """One `update()`: `rows` with new values by field."""

    def __init__(self, rows: "QuerySet[Any, Any]", **changes: Any) -> None:
        query: Any = rows.query.chain(UpdateQuery)
        query.add_update_values(changes)
        super().__init__(*query.get_compiler(connection=connection).as_sql())

    def run(self, **values: Any) -> int:
        """How many rows it changed."""
        with connection.cursor() as cursor:
            self.execute(cursor, values)
            changed: int = cursor.rowcount
        return changed


class Addition(Written):
    """One `create()` with these fields. No defaults, no signals, no checks but the database's own."""

    def __init__(self, model: type[Model], *, unless_there: bool = False, **fields: Any) -> None:
        query: Any = InsertQuery(model, on_conflict=OnConflict.IGNORE if unless_there else None)
        columns: Any = [model._meta.get_field(name) for name in fields]
        row = model(**{column.attname: value for column, value in zip(columns, fields.values(), strict=True)})
        # raw: a field that fills itself, as with the time, would do so once and for all
        query.insert_values(columns, [row], raw=True)
        compiler: Any = query.get_compiler(connection=connection)
        compiler.returning_fields = [model._meta.pk]
        ((sql, parameters),) = compiler.as_sql()
        super().__init__(sql, parameters)

    def run(self, **values: Any) -> Any:
        """The key of the row; None where it was there and may be."""
        with connection.cursor() as cursor:
            self.execute(cursor, values)
            row = cursor.fetchone()
        return row[0] if row else None


def _with_constants(sql: str, parameters: list[Any]) -> tuple[str, list[Any]]:
    """Constants as literals: a plan that is kept for all values uses a partial index only where it reads its terms."""
    if connection.vendor != "postgresql":
        return sql, parameters
    connection.ensure_connection()
    left = iter(parameters)
    places = []

    def put(place: "re.Match[str]") -> str:
        if place[0] == "%%":
            return "%%"
        each = next(left)
        if isinstance(each, Given):
            places.append(each)
            return "%s"
        return psycopg.sql.Literal(each).as_string(connection.connection).replace("%", "%%")

    return re.sub("%%|%s", put, sql), places


def _bound(place: Any, values: dict[str, Any]) -> Any:
    if isinstance(place, Given):
        return place.output_field.get_db_prep_value(values[place.name], connection)
    return place
