"""Throw-away services for the tests: PostgreSQL, Redis, an S3 server, a browser. Nothing outlives the test run."""
