"""`python -m tests.bench [name ...] [--full]`: every benchmark in a process of its own, on PostgreSQL, and a table.

The databases and fakes run beside the benchmark on the same machine. `--full` takes the
figures of the targets where the usual run is scaled down to stay short.
"""

import argparse
import importlib
import json
import os
import pkgutil
import subprocess
import sys
import time
from pathlib import Path

import tests.bench
from tests.bench.measure import Measure
from tests.services.plugin import Services

ROOT = Path(__file__).resolve().parents[2]
HERE = Path(__file__).resolve().parent
LONGEST_SECONDS = 300


def names() -> list[str]:
    """Every benchmark there is: the modules here that have a `run`."""
    found = [module.name for module in pkgutil.iter_modules(tests.bench.__path__)]
    return sorted(name for name in found if "\ndef run(" in (HERE / f"{name}.py").read_text())


def main() -> int:
    """Run what is asked for; 1 where a target was missed or a benchmark broke."""
    parser = argparse.ArgumentParser(description="Benchmarks beside their targets.")
    parser.add_argument("names", nargs="*", help=f"of: {', '.join(names())}")
    parser.add_argument("--full", action="store_true", help="the figures of the targets, not scaled down")
    parser.add_argument("--child", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    unknown = set(options.names) - set(names())
    if unknown:
        parser.error(f"there is no benchmark {', '.join(sorted(unknown))}; there are: {', '.join(names())}")
    if options.child:
        return run_here(options.names[0], full=options.full)
    services = Services()
    try:
        services.start()
        return run_all(options.names or names(), full=options.full)
    finally:
        services.stop()


def run_all(chosen: list[str], *, full: bool) -> int:
    """Each in its own process; prints the table as it grows."""
    os.environ["DJANGO_SETTINGS_MODULE"] = "config.settings"
    subprocess.run(
        [sys.executable, "manage.py", "migrate", "--verbosity", "0", "--skip-checks"],
        cwd=ROOT,
        check=True,
        stdin=subprocess.DEVNULL,
    )
    print(f"{'benchmark':<46}{'figure':>12}{'target':>12}  {'unit':<10}{'ratio':>7}  met")
    missed = broken = 0
    for name in chosen:
        began = time.monotonic()
        measures = collect(name, full=full)
        broken += measures is None
        for measure in measures or []:
            missed += not measure.met
            print(row(measure), flush=True)
            if measure.note:
                print(f"    {measure.note}", flush=True)
        print(f"    ({name}: {time.monotonic() - began:.0f} s)", flush=True)
    print(f"{missed} missed, {broken} broken." if missed or broken else "Every target is met.")
    return int(bool(missed or broken))


def row(measure: Measure) -> str:
    """One line of the table."""
    sign = "≥" if measure.at_least else "≤"
    target = f"{sign} {measure.target:,.4g}"
    verdict = "yes" if measure.met else "NO"
    return f"{measure.name:<46}{measure.figure:>12,.4g}{target:>12}  {measure.unit:<10}{measure.ratio:>7.2f}  {verdict}"


def collect(name: str, *, full: bool) -> list[Measure] | None:
    """The measures of one benchmark, None where it broke."""
    command = [sys.executable, "-m", "tests.bench", name, "--child", *(["--full"] if full else [])]
    try:
        finished = subprocess.run(
            command, cwd=ROOT, stdout=subprocess.PIPE, text=True, timeout=LONGEST_SECONDS * (10 if full else 1)
        )
    except subprocess.TimeoutExpired:
        print(f"{name} took longer than {LONGEST_SECONDS} s.")
        return None
    if finished.returncode:
        print(f"{name} broke.\n{finished.stdout}")
        return None
    lines = finished.stdout.splitlines()
    for line in lines:
        if not line.startswith("{"):
            print(f"    {line}")
    return [Measure(**json.loads(line)) for line in lines if line.startswith("{")]


def run_here(name: str, *, full: bool) -> int:
    """In this very process: what `collect` starts."""
    import django  # settings are read now, with the services' environment

    django.setup()
    for measure in importlib.import_module(f"tests.bench.{name}").run(full=full):
        print(measure.as_line(), flush=True)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
