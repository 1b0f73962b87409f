"""Queries that are asked at every look: the ORM writes them once, then they are run with other values.

Writing the SQL of a page takes Django longer than it takes PostgreSQL to answer it (docs/adr/0009).
"""

from typing import Any

from django.db import connection
from django.db.models import QuerySet
from django.db.models.expressions import Expression


class Given(Expression):
    """Stands in a query for a value that each run brings along. `field` says how the database takes it."""

    def __init__(self, name: str, field: Any) -> None:
        super().__init__(output_field=field)
        self.name = name

    def __repr__(self) -> str:
        return f"Given({self.name})"

    def as_sql(self, compiler: Any, connection: Any) -> Any:
        """A place for a parameter; `Statement` fills it."""
        return "%s", [self]


class Statement:
    """The SQL of one `values_list()`. Values that are the same at every run are part of it."""

    def __init__(self, queryset: "QuerySet[Any, Any]") -> None:
        compiler: Any = queryset.query.get_compiler(connection=connection)
        self.sql, self._parameters = compiler.as_sql()
        self._converters = list(compiler.get_converters([column for column, _, _ in compiler.select]).items())

    def run(self, **values: Any) -> list[tuple[Any, ...]]:
        """All rows, as `values_list()` gives them. Raises KeyError where a value is missing. One query."""
        parameters = [
            each.output_field.get_db_prep_value(values[each.name], connection) if isinstance(each, Given) else each
            for each in self._parameters
        ]
        with connection.cursor() as cursor:
            cursor.execute(self.sql, parameters)
            rows: list[tuple[Any, ...]] = cursor.fetchall()
        return [self._converted(row) for row in rows] if self._converters else rows

    def _converted(self, row: tuple[Any, ...]) -> tuple[Any, ...]:
        values = list(row)
        for place, (converters, expression) in self._converters:
            for convert in converters:
                values[place] = convert(values[place], expression, connection)
        return tuple(values)
