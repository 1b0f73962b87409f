"""The triggers that keep `review.Tally`. SQLite forgets them where a migration makes the table of Generation anew:
such a migration ends with `RunPython(create, drop)`; `tests/review/test_tallies.py` tells.
"""

from typing import Any

# Connections share this many rows a campaign.
SHARES = 64
COUNTED = {
    "finished": "{row}.state = 'ready'",
    "undecided": "{row}.state = 'ready' AND {row}.decision = ''",
    # as `review.queries.waiting.to_review` says it
    "to_review": "{row}.state = 'ready' AND {row}.decision = '' AND (COALESCE({row}.passed, {true}) OR {row}.escalated)",
    "below": "{row}.state = 'ready' AND COALESCE({row}.passed, {true}) = {false}",
    "approved": "{row}.state = 'ready' AND {row}.decision IN ('approved', 'signed')",
    "escalated": "{row}.state = 'ready' AND {row}.escalated",
}
NAMES = ", ".join(COUNTED)
WATCHED = ("state", "decision", "passed", "escalated")
TABLE = "generation_generation"


def create(apps: Any, schema_editor: Any) -> None:
    """Replace the triggers, and count what is there."""
    drop(apps, schema_editor)
    vendor = schema_editor.connection.vendor
    for statement in _postgresql() if vendor == "postgresql" else _sqlite():
        schema_editor.execute(statement, None)
    recount(schema_editor.connection)


def drop(apps: Any, schema_editor: Any) -> None:
    """Take the triggers away; the figures stay as they are."""
    if schema_editor.connection.vendor == "postgresql":
        schema_editor.execute("DROP FUNCTION IF EXISTS review_tally_keep CASCADE")
        return
    for event in ("insert", "update", "delete"):
        schema_editor.execute(f"DROP TRIGGER IF EXISTS review_tally_{event}")


def recount(connection: Any) -> None:
    """Count every image, for the first time or after rows were written around the triggers."""
    ones = ", ".join(f"SUM({_one(condition, 'image', connection.vendor)})" for condition in COUNTED.values())
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM review_tally")
        cursor.execute(
            f"INSERT INTO review_tally (campaign_id, share, {NAMES}) "  # noqa: S608  # no word of this comes from outside
            f"SELECT campaign_id, 0, {ones} FROM {TABLE} image WHERE state = 'ready' GROUP BY campaign_id"
        )


def _one(condition: str, row: str, vendor: str) -> str:
    words = {"true": "TRUE", "false": "FALSE"} if vendor == "postgresql" else {"true": "1", "false": "0"}
    return f"CASE WHEN {condition.format(row=row, **words)} THEN 1 ELSE 0 END"


def _add(vendor: str, *, share: str, after: bool, before: bool) -> str:
    """The statement that adds what the new row counts and takes off what the old one did."""
    sums = []
    for condition in COUNTED.values():
        plus = _one(condition, "NEW", vendor) if after else "0"
        minus = _one(condition, "OLD", vendor) if before else "0"
        sums.append(f"{plus} - {minus}")
    updates = ", ".join(f"{name} = review_tally.{name} + excluded.{name}" for name in COUNTED)
    campaign = "NEW.campaign_id" if after else "OLD.campaign_id"
    return (
        f"INSERT INTO review_tally (campaign_id, share, {NAMES}) "  # noqa: S608  # no word of this comes from outside
        f"VALUES ({campaign}, {share}, {', '.join(sums)}) "
        f"ON CONFLICT (campaign_id, share) DO UPDATE SET {updates};"
    )


def _postgresql() -> list[str]:
    share = f"pg_backend_pid() % {SHARES}"
    inserted = _add("postgresql", share=share, after=True, before=False)
    updated = _add("postgresql", share=share, after=True, before=True)
    deleted = _add("postgresql", share=share, after=False, before=True)
    changed = " OR ".join(f"OLD.{name} IS DISTINCT FROM NEW.{name}" for name in WATCHED)
    return [
        "CREATE FUNCTION review_tally_keep() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN "
        f"IF TG_OP = 'INSERT' THEN {inserted} ELSIF TG_OP = 'UPDATE' THEN {updated} ELSE {deleted} END IF; "
        "RETURN NULL; END $$",
        f"CREATE TRIGGER review_tally_insert AFTER INSERT ON {TABLE} FOR EACH ROW "
        "WHEN (NEW.state = 'ready') EXECUTE FUNCTION review_tally_keep()",
        f"CREATE TRIGGER review_tally_update AFTER UPDATE OF {', '.join(WATCHED)} ON {TABLE} FOR EACH ROW "
        f"WHEN ((OLD.state = 'ready' OR NEW.state = 'ready') AND ({changed})) EXECUTE FUNCTION review_tally_keep()",
        f"CREATE TRIGGER review_tally_delete AFTER DELETE ON {TABLE} FOR EACH ROW "
        "WHEN (OLD.state = 'ready') EXECUTE FUNCTION review_tally_keep()",
    ]


def _sqlite() -> list[str]:
    head = {
        "insert": ("INSERT", "NEW.state = 'ready'", True, False),
        "update": (f"UPDATE OF {', '.join(WATCHED)}", "OLD.state = 'ready' OR NEW.state = 'ready'", True, True),
        "delete": ("DELETE", "OLD.state = 'ready'", False, True),
    }
    return [
        f"CREATE TRIGGER review_tally_{name} AFTER {event} ON {TABLE} FOR EACH ROW WHEN {condition} "
        f"BEGIN {_add('sqlite', share='0', after=after, before=before)} END"
        for name, (event, condition, after, before) in head.items()
    ]
