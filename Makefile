# The developer's commands. They need Python >= 3.11, pip and make; the rest they install.
PYTHON ?= python3
BIN := .venv/bin
JOBS ?= auto
PIP := $(BIN)/python -m pip --disable-pip-version-check --quiet

.PHONY: digest test test-unit soak year fuzz check bench pictures model encoder lock clean

digest: .venv/base  ## set up, and run the whole pipeline on the sample papers
	@$(BIN)/digest demo

test: .venv/torch  ## all tests
	@$(BIN)/pytest -n $(JOBS)

test-unit: .venv/dev  ## the quick ones
	@$(BIN)/pytest -n $(JOBS) -m "not slow and not browser and not postgres"

# Each fault with 10,000 mails, and 200 times kill -9; more than the timeout of the other tests.
soak: .venv/dev  ## what breaks while mails go out, at length
	@DIGEST_SOAK=10000 DIGEST_SOAK_KILLS=200 $(BIN)/pytest tests/sending -n 2 -m "" --timeout 7200

year: .venv/dev  ## all of 2026 in every zone whose clocks change, on SQLite and PostgreSQL: minutes
	@DIGEST_YEAR=1 $(BIN)/pytest tests/scheduling -n $(JOBS) -m ""

fuzz: .venv/dev  ## 10,000 malformed mails
	@DIGEST_FUZZ=10000 $(BIN)/pytest tests/test_receiving.py -k whatever_comes

check: .venv/dev  ## format, lint, types, direction of imports
	@$(BIN)/ruff format --check . && $(BIN)/ruff check . && $(BIN)/mypy && $(BIN)/lint-imports

# What people wrote is not in the project; docs/model-card.md says where to get it.
bench: bench-issue bench-start bench-summaries bench-rouge bench-lies bench-matching bench-learning bench-signups bench-importing bench-sending bench-beside bench-bounces bench-schedule bench-idle bench-years bench-month  ## every figure: make bench [DATA=FOLDER]

bench-%: .venv/dev
	@$(BIN)/python tests/bench/$*.py $(DATA)

pictures: .venv/dev  ## the README's pictures anew; needs Chromium
	@$(BIN)/python tests/e2e/pictures.py

.venv/base: requirements.lock pyproject.toml
	@test -x $(BIN)/python || $(PYTHON) -m venv .venv
	@$(PIP) install --require-hashes -r requirements.lock
	@$(PIP) install --no-deps --no-build-isolation --editable .
	@touch $@

.venv/dev: .venv/base requirements-dev.lock
	@$(PIP) install --require-hashes -r requirements-dev.lock
	@touch $@

# PyTorch is in no lock file: which build is right depends on the machine, and pip's own choice may
# bring gigabytes for a GPU. The tests of the hub models run on the CPU; a small build is
# make test TORCH="torch --index-url https://download.pytorch.org/whl/cpu"
TORCH ?= torch==2.13.0
.venv/torch: .venv/dev
	@$(PIP) install $(TORCH)
	@touch $@

model: .venv/torch  ## train the summarizer anew: make model DATA=FOLDER
	@test -n "$(DATA)" || { echo "make model DATA=FOLDER: a folder with scitldr/ and tldr/, see docs/model-card.md" >&2; exit 2; }
	@$(BIN)/python -m digest.training "$(DATA)"

encoder: .venv/torch  ## export the encoder and its world anew: make encoder DATA=FOLDER
	@test -n "$(DATA)" || { echo "make encoder DATA=FOLDER: a folder with tldr/, see docs/model-card.md" >&2; exit 2; }
	@$(BIN)/python -m digest.training.encoder "$(DATA)"

lock:  ## after a change of the dependencies in pyproject.toml
	uv pip compile pyproject.toml --universal --python-version 3.11 --generate-hashes \
	  --no-emit-index-url --no-header --no-annotate --group dev -o requirements-dev.lock
	uv pip compile pyproject.toml --universal --python-version 3.11 --generate-hashes \
	  --no-emit-index-url --no-header --no-annotate --group build -c requirements-dev.lock -o requirements.lock

clean:
	rm -rf .venv .mypy_cache .ruff_cache .pytest_cache .hypothesis dist
