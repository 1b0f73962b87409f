"""The triggers that keep `review.Stack`. SQLite forgets them where a migration makes the table of Generation anew:
such a migration ends with `RunPython(create, drop)`; `tests/review/test_stacks.py` tells.

Two versions of a shot that change at once take turns: with PostgreSQL the second waits for the stack's row and then
looks anew, SQLite has one writer.
"""

from typing import Any

TABLE = "generation_generation"
WATCHED = ("state", "decision", "average")
NOW = {"postgresql": "clock_timestamp()", "sqlite": "strftime('%Y-%m-%d %H:%M:%f', 'now') || '000'"}
# The one place that says which version lies on top: signed, newest approved, best score, newest; rejected ones last.
RANK = (
    "CASE decision WHEN 'signed' THEN 3 WHEN 'approved' THEN 2 WHEN 'rejected' THEN 0 ELSE 1 END DESC, "
    "CASE WHEN decision IN ('signed', 'approved') THEN 0 ELSE COALESCE(average, -1) END DESC, version DESC"
)


def create(apps: Any, schema_editor: Any) -> None:
    """Replace the triggers, and elect for every shot that has a finished version."""
    drop(apps, schema_editor)
    vendor = schema_editor.connection.vendor
    for statement in _postgresql() if vendor == "postgresql" else _sqlite():
        schema_editor.execute(statement, None)
    elect_all(schema_editor.connection)


def drop(apps: Any, schema_editor: Any) -> None:
    """Take the triggers away; the rows stay as they are."""
    if schema_editor.connection.vendor == "postgresql":
        schema_editor.execute("DROP FUNCTION IF EXISTS review_stack_keep CASCADE")
        return
    for event in ("insert", "update", "delete"):
        schema_editor.execute(f"DROP TRIGGER IF EXISTS review_stack_{event}")


def elect_all(connection: Any) -> None:
    """Elect for every shot, for the first time or after rows were written around the triggers."""
    # one pass: two rankings joined to each other take for ever on a large table
    # one pass: a table joined with itself is beyond a database that has not yet counted its rows
    ranked = (
        f"SELECT shot_id, campaign_id, id, ROW_NUMBER() OVER (PARTITION BY shot_id ORDER BY {RANK}) AS place, "  # noqa: S608  # no word of this comes from outside
        "FIRST_VALUE(id) OVER (PARTITION BY shot_id ORDER BY version DESC) AS newest, "
        f"COUNT(*) OVER (PARTITION BY shot_id) AS versions FROM {TABLE} WHERE state = 'ready'"
    )
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM review_stack")
        cursor.execute(
            "INSERT INTO review_stack (shot_id, campaign_id, top_id, newest_id, versions, turned_at) "  # noqa: S608  # as above
            f"SELECT shot_id, campaign_id, id, newest, versions, {NOW[connection.vendor]} "
            f"FROM ({ranked}) AS ranked WHERE place = 1"
        )


def _elect(shot: str, vendor: str) -> str:
    """The statement that writes the row of one shot, where it has a finished version."""
    ready = f"FROM {TABLE} WHERE shot_id = {shot} AND state = 'ready'"
    # SQLite reads "ON" as that of a join unless the SELECT has a WHERE of its own
    return (
        "INSERT INTO review_stack (shot_id, campaign_id, top_id, newest_id, versions, turned_at) "  # noqa: S608  # as above
        f"SELECT shot_id, campaign_id, id, (SELECT id {ready} ORDER BY version DESC LIMIT 1), "
        f"(SELECT COUNT(*) {ready}), {NOW[vendor]} FROM (SELECT * {ready} ORDER BY {RANK} LIMIT 1) AS first WHERE TRUE "
        "ON CONFLICT (shot_id) DO UPDATE SET top_id = excluded.top_id, newest_id = excluded.newest_id, "
        "versions = excluded.versions, turned_at = excluded.turned_at "
        "WHERE review_stack.top_id <> excluded.top_id OR review_stack.newest_id <> excluded.newest_id "
        "OR review_stack.versions <> excluded.versions;"
    )


def _empty(shot: str) -> str:
    return (
        f"DELETE FROM review_stack WHERE shot_id = {shot} "  # noqa: S608  # as above
        f"AND NOT EXISTS (SELECT 1 FROM {TABLE} WHERE shot_id = {shot} AND state = 'ready');"
    )


def _postgresql() -> list[str]:
    changed = " OR ".join(f"OLD.{name} IS DISTINCT FROM NEW.{name}" for name in WATCHED)
    return [
        "CREATE FUNCTION review_stack_keep() RETURNS trigger LANGUAGE plpgsql AS $$ "
        "DECLARE one bigint; BEGIN "
        "IF TG_OP = 'DELETE' THEN one := OLD.shot_id; ELSE one := NEW.shot_id; END IF; "
        # whoever comes second waits here, and looks anew in the next statement
        "PERFORM pg_advisory_xact_lock(hashtext('review_stack'), hashint8(one)); "
        f"{_elect('one', 'postgresql')} IF TG_OP <> 'INSERT' THEN {_empty('one')} END IF; RETURN NULL; END $$",
        f"CREATE TRIGGER review_stack_insert AFTER INSERT ON {TABLE} FOR EACH ROW "
        "WHEN (NEW.state = 'ready') EXECUTE FUNCTION review_stack_keep()",
        f"CREATE TRIGGER review_stack_update AFTER UPDATE OF {', '.join(WATCHED)} ON {TABLE} FOR EACH ROW "
        f"WHEN ((OLD.state = 'ready' OR NEW.state = 'ready') AND ({changed})) EXECUTE FUNCTION review_stack_keep()",
        f"CREATE TRIGGER review_stack_delete AFTER DELETE ON {TABLE} FOR EACH ROW "
        "WHEN (OLD.state = 'ready') EXECUTE FUNCTION review_stack_keep()",
    ]


def _sqlite() -> list[str]:
    update = f"UPDATE OF {', '.join(WATCHED)}"
    return [
        f"CREATE TRIGGER review_stack_{name} AFTER {event} ON {TABLE} FOR EACH ROW WHEN {condition} "
        f"BEGIN {_elect(f'{row}.shot_id', 'sqlite')} {_empty(f'{row}.shot_id')} END"
        for name, event, condition, row in (
            ("insert", "INSERT", "NEW.state = 'ready'", "NEW"),
            ("update", update, "OLD.state = 'ready' OR NEW.state = 'ready'", "NEW"),
            ("delete", "DELETE", "OLD.state = 'ready'", "OLD"),
        )
    ]
