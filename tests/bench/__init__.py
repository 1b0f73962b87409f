"""Benchmarks: figures beside their targets, as ratios of one run. `python -m tests.bench [name ...]`.

A module here with a function `run(*, full)` is a benchmark under its own name; it gives `Measure`s.
"""
