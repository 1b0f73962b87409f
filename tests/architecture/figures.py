"""Prints how the code hangs together: `python -m tests.architecture.figures [MODULE ...]`.

Own imports a module (packages' `__init__` aside, as Python resolves `from package import module`), the deepest chain of
imports, lines of product code, and with modules named the number of own modules behind each of them.
"""

import ast
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
APPS = ("campaigns", "generation", "review")
PRODUCT = (*APPS, "config")


def modules() -> dict[str, Path]:
    """Every module of the product by its dotted name, migrations left out."""
    found = {}
    for app in PRODUCT:
        for path in sorted((ROOT / app).rglob("*.py")):
            parts = path.relative_to(ROOT).with_suffix("").parts
            if "migrations" not in parts:
                found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return found


MODULES = modules()


def imported(path: Path) -> Iterator[str]:
    """Own modules that a file imports: `from a import b` means `a.b` where that is a module."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names if alias.name in MODULES)
        elif isinstance(node, ast.ImportFrom) and node.module:
            for alias in node.names:
                whole = f"{node.module}.{alias.name}"
                if whole in MODULES or node.module in MODULES:
                    yield whole if whole in MODULES else node.module


@cache
def imports_of(module: str) -> frozenset[str]:
    """The own modules that a module imports."""
    return frozenset(imported(MODULES[module])) - {module}


@cache
def depth(module: str) -> int:
    """How many modules the longest chain of imports has that begins here."""
    return 1 + max((depth(each) for each in imports_of(module)), default=0)


def behind(module: str) -> set[str]:
    """Every own module that is loaded with this one."""
    reached: set[str] = set()
    waiting = [module]
    while waiting:
        for each in imports_of(waiting.pop()) - reached:
            reached.add(each)
            waiting.append(each)
    return reached


def lines(*, under: str = "") -> int:
    """Lines of product code, migrations left out; `under`: a folder."""
    return sum(
        len(path.read_text().splitlines())
        for path in MODULES.values()
        if path.relative_to(ROOT).as_posix().startswith(under)
    )


def imports_a_module() -> float:
    """Own imports a module, files that import nothing included."""
    return sum(len(imports_of(module)) for module in MODULES) / len(MODULES)


def deepest() -> list[str]:
    """One longest chain of imports, from the top down."""
    chain = [max(MODULES, key=depth)]
    while imports_of(chain[-1]):
        chain.append(max(imports_of(chain[-1]), key=depth))
    return chain


def main() -> None:
    chain = deepest()
    print(f"modules                {len(MODULES)}")
    print(f"own imports a module   {imports_a_module():.2f}")
    print(f"deepest chain          {len(chain)}: {' > '.join(chain)}")
    print(f"lines                  {lines()}, generation/studio {lines(under='generation/studio/')}")
    for module in sys.argv[1:]:
        print(f"behind {module}: {len(behind(module))} modules")


if __name__ == "__main__":
    main()
