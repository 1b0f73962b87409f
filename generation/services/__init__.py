"""What the engine can do, one module a chapter: planning, runs, dispatch, arrival, scoring, follow_up, sweep."""
