"""How the house is built, held by tests: arrows, one writer for state and money, sizes, pins, documented variables."""

import ast
import re
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path

import pytest

from tests.services.plugin import documented_variables

HOUSE = Path(__file__).resolve().parents[2]
APPS = ("campaigns", "generation", "review")
# From the ground up: a room may import from the ones before it, config knows no app but by name.
ROOMS = (*APPS, "config", "tests")
# Inside an app: a file or folder may import those that stand before it in its app's line.
LINES = {
    "campaigns": ("database", "models", "briefs", "accounts", "services", "tasks", "views", "urls"),
    "generation": (
        "rules", "catalogue", "providers", "models", "pictures", "lifecycle", "money", "planning", "engine", "tasks",
        "forms", "queries", "views", "management", "urls",
    ),
    "review": ("models", "rules", "exports", "queries", "services", "tasks", "views", "urls"),
}  # fmt: skip
LONGEST_FILE = 400
# Only these may write what they keep.
STATE_WRITER = "generation/lifecycle/__init__.py"
MONEY_WRITER = "generation/money/ledger.py"
MONEY_MODELS = ("LedgerEntry", "Reservation", "Budget")
STANDING_WRITER = "review/services/decision_status.py"
WRITES = {"create", "update", "bulk_create", "bulk_update", "get_or_create", "update_or_create", "delete"}


@pytest.fixture(scope="module", autouse=True)
def forget_trees() -> Iterator[None]:
    """Give the memory back after the last test here: some 60 MB."""
    yield
    nodes_of.cache_clear()
    tree_of.cache_clear()


def sources(*rooms: str) -> list[Path]:
    """Every Python file of these rooms, migrations left out."""
    return [path for room in rooms for path in sorted((HOUSE / room).rglob("*.py")) if "migrations" not in path.parts]


def name_of(path: Path) -> str:
    """The file as the messages name it: `generation/money/ledger.py`."""
    return path.relative_to(HOUSE).as_posix()


@cache
def tree_of(path: Path) -> ast.Module:
    """The file as Python reads it; read once for all the tests."""
    return ast.parse(path.read_text(), filename=str(path))


@cache
def nodes_of(tree: ast.AST) -> tuple[ast.AST, ...]:
    """Everything in the file, listed once: each rule looks at all of it."""
    return tuple(ast.walk(tree))


def imported(tree: ast.AST) -> Iterator[tuple[int, str]]:
    """Line and full name of every module that is imported, `from a import b` counted as `a.b` too."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield node.lineno, "." * node.level + (node.module or "")
            yield from ((node.lineno, f"{node.module}.{alias.name}") for alias in node.names)


def place_of(parts: tuple[str, ...]) -> int | None:
    """Where a module stands in its app's line: `generation.planning.runs` where planning does."""
    line = LINES.get(parts[0], ())
    return line.index(parts[1]) if len(parts) > 1 and parts[1] in line else None


def wrong_arrow(path: Path, module: str) -> str | None:
    """What is wrong with this import, in words; None where it is allowed."""
    own = path.relative_to(HOUSE).with_suffix("").parts
    theirs = tuple(module.split("."))
    if module.startswith("."):
        return "imports are written in full"
    if theirs[0] not in ROOMS:
        return None
    if own[0] in APPS:
        if theirs[0] == "tests":
            return "the house does not know its tests"
        if theirs[0] in APPS and APPS.index(theirs[0]) > APPS.index(own[0]):
            return f"{own[0]} does not know {theirs[0]}"
    if own[0] == theirs[0]:
        ours, other = place_of(own), place_of(theirs)
        if ours is not None and other is not None and other > ours:
            return f"{own[0]}.{own[1]} does not know {theirs[0]}.{theirs[1]}"
    elif "tasks" in theirs and "views" not in own and "management" not in own:
        return "who enqueues are views and tasks"
    return None


def test_arrows_point_one_way() -> None:
    wrong = [
        f"{name_of(path)}:{line} imports {module}: {complaint}"
        for path in sources(*APPS, "config")
        for line, module in imported(tree_of(path))
        if (complaint := wrong_arrow(path, module))
    ]
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize(
    ("path", "module"),
    [
        ("campaigns/services.py", "generation.models"),
        ("generation/money/ledger.py", "review.models"),
        ("generation/planning/runs.py", "generation.tasks"),
        ("generation/providers/cog.py", "generation.models"),
        ("generation/planning/planning.py", "generation.engine.sweep"),
        ("generation/models/generation.py", "generation.planning.runs"),
        ("review/services/verdicts.py", "generation.tasks"),
        ("campaigns/views/pages.py", ".forms"),
        ("review/views/sheet.py", "tests.factories"),
    ],
)
def test_a_wrong_arrow_is_seen(path: str, module: str) -> None:
    assert wrong_arrow(HOUSE / path, module)


@pytest.mark.parametrize(
    ("path", "module"),
    [
        ("review/views/sheet.py", "generation.planning.runs"),
        ("generation/tasks.py", "generation.engine.sweep"),
        ("generation/planning/runs.py", "campaigns.models"),
        ("campaigns/views/pages.py", "django.http"),
    ],
)
def test_a_right_arrow_passes(path: str, module: str) -> None:
    assert wrong_arrow(HOUSE / path, module) is None


def test_no_import_hides_in_a_function() -> None:
    hidden = [
        f"{name_of(path)}:{line} {module}"
        for path in sources(*APPS)
        for function in nodes_of(tree_of(path))
        if isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef)
        # Django's own place for imports that need the models.
        and not (path.name == "apps.py" and function.name == "ready")
        for line, module in imported(function)
        if module.split(".")[0] in ROOMS
    ]
    assert not hidden, "a local import hides a circle:\n" + "\n".join(hidden)


def state_writes(tree: ast.AST) -> Iterator[int]:
    """Lines that write the state of a generation; exports, rules and reservations have states of their own."""
    for node in nodes_of(tree):
        if isinstance(node, ast.Assign | ast.AugAssign | ast.AnnAssign):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            written = any(isinstance(to, ast.Attribute) and to.attr == "state" for to in targets)
        elif isinstance(node, ast.Call) and (
            is_statement(node) or (isinstance(node.func, ast.Attribute) and node.func.attr in WRITES)
        ):
            written = any(keyword.arg == "state" for keyword in node.keywords)
        else:
            continue
        if written and re.search(r"generation", ast.unparse(node), re.IGNORECASE):
            yield node.lineno


def money_writes(tree: ast.AST) -> Iterator[int]:
    """Lines that create, change or delete rows of the ledger, reservations or budgets."""
    return row_writes(tree, MONEY_MODELS)


def standing_writes(tree: ast.AST) -> Iterator[int]:
    """Lines that write where an image stands, or its copy on the image."""
    yield from row_writes(tree, ("Standing",))
    for node in nodes_of(tree):
        if isinstance(node, ast.Call) and (
            re.match(r"Generation\..*\.update$", ast.unparse(node.func))
            or (is_statement(node) and ast.unparse(node.args[0]).startswith("Generation."))
        ):
            yield from (node.lineno for keyword in node.keywords if keyword.arg == "decision")


def row_writes(tree: ast.AST, models: tuple[str, ...]) -> Iterator[int]:
    """Lines that create, change or delete rows of these models."""
    for node in nodes_of(tree):
        if not isinstance(node, ast.Call):
            continue
        words = ast.unparse(node.func)
        model, _, rest = words.partition(".")
        written = not rest or words.rpartition(".")[2] in WRITES
        if is_statement(node):
            model, written = ast.unparse(node.args[0]).partition(".")[0], True
        if model in models and written:
            yield node.lineno


def is_statement(node: ast.Call) -> bool:
    """Whether this is a statement of `campaigns.database.prepared` that writes; its first argument says what."""
    return isinstance(node.func, ast.Name) and node.func.id in ("Change", "Addition") and bool(node.args)


@pytest.mark.parametrize(
    ("writer", "writes"),
    [(STATE_WRITER, state_writes), (MONEY_WRITER, money_writes), (STANDING_WRITER, standing_writes)],
    ids=["state", "money", "standing"],
)
def test_one_writer(writer: str, writes: Callable[[ast.AST], Iterator[int]]) -> None:
    assert list(writes(tree_of(HOUSE / writer))), f"{writer} writes nothing: this test no longer sees what it guards"
    others = [
        f"{name_of(path)}:{line}"
        for path in sources(*APPS)
        if name_of(path) not in {writer, MONEY_WRITER}  # money's own reservation has a state too
        for line in writes(tree_of(path))
    ]
    assert not others, f"only {writer} may do this: " + ", ".join(others)


@pytest.mark.parametrize(
    "line",
    [
        "generation.state = GenerationState.READY",
        "Generation.objects.filter(pk=1).update(state=GenerationState.READY)",
        "rows.update(state=GenerationState.QUEUED)",
        "Change(Generation.objects.filter(pk=1), state=GenerationState.READY)",
    ],
)
def test_a_second_writer_of_state_is_seen(line: str) -> None:
    assert list(state_writes(ast.parse(line)))


@pytest.mark.parametrize(
    "line",
    [
        "LedgerEntry.objects.create(amount=1)",
        "Budget.objects.filter(pk=1).update(spent=1)",
        "Reservation(amount=1)",
    ],
)
def test_a_second_writer_of_money_is_seen(line: str) -> None:
    assert list(money_writes(ast.parse(line)))


@pytest.mark.parametrize(
    "line",
    [
        "Standing.objects.filter(pk=1).update(decision='approved')",
        "Standing(generation=row)",
        "Generation.objects.filter(pk=1).update(decision='approved')",
    ],
)
def test_a_second_writer_of_what_stands_is_seen(line: str) -> None:
    assert list(standing_writes(ast.parse(line)))


def test_files_stay_short() -> None:
    lengths = {name_of(path): len(path.read_text().splitlines()) for path in sources(*APPS, "config")}
    long = [f"{name} has {length} lines" for name, length in lengths.items() if length > LONGEST_FILE]
    assert not long, "split by meaning: " + ", ".join(long)


@pytest.mark.parametrize("name", ["requirements.txt", "tests/requirements.txt"])
def test_requirements_are_pinned_and_explained(name: str) -> None:
    lines = [line for line in (HOUSE / name).read_text().splitlines() if line and not line.startswith("#")]
    loose = [line for line in lines if not re.fullmatch(r"[\w.\[\]-]+==[\w.]+(; .+)? +# .+", line)]
    assert not loose, "pin with == and say what it is for: " + ", ".join(loose)


def read_variables() -> set[str]:
    """The name of every variable that the settings read through `environment`."""
    names = set()
    for path in sources("config"):
        for node in nodes_of(tree_of(path)):
            if (
                isinstance(node, ast.Call)
                and isinstance(node.func, ast.Attribute)
                and ast.unparse(node.func.value) == "environment"
                and node.args
                and isinstance(node.args[0], ast.Constant)
            ):
                names.add(str(node.args[0].value))
    return names


def test_every_variable_is_explained() -> None:
    assert read_variables() - set(documented_variables()) == set()
    assert {"DATABASE_URL", "REDIS_URL", "EXPORT_BUCKET"} <= read_variables()


def test_no_other_variable_is_read_elsewhere() -> None:
    readers = [
        f"{name_of(path)}:{node.lineno} {name}"
        for path in sources(*APPS)
        for node in nodes_of(tree_of(path))
        if isinstance(node, ast.Call) and ast.unparse(node.func) in {"os.environ.get", "os.getenv"} and node.args
        if (name := ast.unparse(node.args[0]).strip("'")) not in documented_variables()
    ]
    assert not readers, "not explained in .env.example: " + ", ".join(readers)
