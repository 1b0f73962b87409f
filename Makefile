# Loupe's commands. `make run` starts it, `make test` proves it, `make check` reads it.
# Works with GNU make 3.81 and newer, in a path with spaces.

# The first Python that is new enough and complete; PYTHON=... names another one.
PYTHON ?= $(shell for candidate in python3 python3.14 python3.13 python3.12 python3.11; do \
	"$$candidate" -c 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))' 2>/dev/null \
	&& { echo "$$candidate"; break; }; done)
VENV_PYTHON = .venv/bin/python
TEST_PROCESSES ?= 3

.DEFAULT_GOAL := help
.PHONY: help run test coverage check format lock bench soak demo-failures screenshots clean install install-tests

help:
	@echo "make run          start Loupe at http://127.0.0.1:8000 (PORT=... for another port)"
	@echo "make test         run every test, on PostgreSQL and on SQLite"
	@echo "make check        ruff, mypy, djlint, migrations in step, deployment checks"
	@echo "make coverage     the same tests on PostgreSQL, and which lines none of them runs"
	@echo "make format       let ruff put the code in shape"
	@echo "make lock         write the lock files anew, after a change of requirements.txt"
	@echo "make bench        run the benchmarks and print their ratios"
	@echo "make soak         the tests of endurance: 1,000 kills, 1,000 rounds of 50 starts (20 minutes)"
	@echo "make demo-failures  watch the ladder work against providers that fail (a minute)"
	@echo "make screenshots  take the pictures of the README anew"
	@echo "make clean        remove .venv and the caches; var/ with its data stays"

install:
	@"$(or $(PYTHON),python3)" -I config/install.py requirements.lock

install-tests: install
	@"$(or $(PYTHON),python3)" -I config/install.py tests/requirements.lock

run: install
	@exec $(VENV_PYTHON) -m config.run

# Whoever is done takes over half of what another process still has before it.
PYTEST = $(VENV_PYTHON) -m pytest -n $(TEST_PROCESSES) --dist worksteal

test: install-tests
	@$(VENV_PYTHON) -m tests.services.chromium
	$(PYTEST) --durations 15
	LOUPE_TEST_ENGINE=sqlite $(PYTEST) -m both_engines

coverage: install-tests
	@$(VENV_PYTHON) -m tests.services.chromium
	$(PYTEST) --cov --cov-report term:skip-covered --cov-report html:var/coverage

# The deployment check needs the settings of a production house; the values are no one's.
PRODUCTION = LOUPE_ENV_FILE= LOUPE_PRODUCTION=true ALLOWED_HOSTS=loupe.example \
	SECRET_KEY=only-for-this-check-0123456789-abcdefghijklmnopqrstuvwxyz-ABCDEFG \
	DATABASE_URL= REDIS_URL=

check: install-tests
	$(VENV_PYTHON) -m ruff check .
	$(VENV_PYTHON) -m ruff format --check .
	$(VENV_PYTHON) -m mypy
	$(VENV_PYTHON) -m djlint templates --check --lint --quiet
	LOUPE_ENV_FILE= DATABASE_URL= $(VENV_PYTHON) manage.py makemigrations --check --dry-run
	$(PRODUCTION) $(VENV_PYTHON) manage.py check --deploy --fail-level WARNING

format: install-tests
	$(VENV_PYTHON) -m ruff check --fix .
	$(VENV_PYTHON) -m ruff format .

# What pip installs, with the hash of every file. Versions that are locked stay; UPGRADE=--upgrade takes the newest.
LOCK = UV_CUSTOM_COMPILE_COMMAND="make lock" $(VENV_PYTHON) -m uv pip compile --no-config --quiet \
	--universal --python-version 3.11 --generate-hashes $(UPGRADE)

lock: install-tests
	$(LOCK) requirements.txt --output-file requirements.lock
	$(LOCK) tests/requirements.txt --constraint requirements.lock --output-file tests/requirements.lock

bench: install-tests
	$(VENV_PYTHON) -m tests.bench

soak: install-tests
	$(VENV_PYTHON) -m pytest tests/soak/soak_engine.py -s

demo-failures: install-tests
	@$(VENV_PYTHON) -m tests.fakes.demo_failures

screenshots: install-tests
	@$(VENV_PYTHON) -m tests.services.chromium
	$(VENV_PYTHON) -m tests.browser.screenshots

clean:
	rm -rf .venv .pytest_cache .mypy_cache .ruff_cache .hypothesis
