"""Tests of endurance, too long for the suite: `make soak`."""
