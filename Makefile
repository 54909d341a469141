# The environment is .venv; constraints.txt locks every version. Everything here is a command that you can type yourself.
PYTHON ?= python3
BIN := .venv/bin
DEMO ?= data/demo

TARGET ?= local

.PHONY: setup demo test browser check bench peers torture scrapyd deploy lock

setup: .venv/.ready

# Debian's python3 has no ensurepip, so pip is put into the environment from outside. Its version is fixed: 23.2 cannot
# resolve extras that newer packages use.
.venv/.ready: pyproject.toml constraints.txt
	$(PYTHON) -m venv --clear --without-pip .venv
	$(PYTHON) -m pip --python $(BIN)/python install --quiet --disable-pip-version-check --no-warn-script-location pip==26.3
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable '.[dev]'
	@touch $@
	@command -v chromium > /dev/null || command -v chromium-browser > /dev/null || command -v google-chrome > /dev/null \
		|| echo "chromium is missing, pages that need a browser will be left as they are: apt-get install chromium"

demo: setup
	rm -rf $(DEMO)
	$(BIN)/scrapy crawl aggregator -a site=demo -s NEWSCRAWL_DATA=$(DEMO) -s LOGSTATS_INTERVAL=1
	@echo; echo "The first lines of $(DEMO)/feeds/articles.jsonl:"
	@$(BIN)/python -c "for line in [*open('$(DEMO)/feeds/articles.jsonl', encoding='utf-8')][:3]: print(line[:400] + ' ...')"

test: setup browser
	$(BIN)/python -m pytest

# The report is looked at in a real browser. Where it cannot be installed those tests are skipped, and say so.
browser:
	@command -v chromium > /dev/null || { [ "$$(id -u)" = 0 ] && command -v apt-get > /dev/null \
		&& apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq chromium > /dev/null; } \
		|| echo "chromium is missing, tests in a browser will be skipped: apt-get install chromium"

check: setup
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python -m bench --check

# PARTS="quality speed" measures some parts only; ACCEPT="reason" lets figures fall. See docs/benchmarks.md.
bench: setup peers
	$(BIN)/python -m bench $(PARTS) $(if $(ACCEPT),--accept "$(ACCEPT)")

# What newscrawl is measured beside, never in the product's environment; one that cannot be installed is reported as such.
peers: .venv-bench/.ready

.venv-bench/.ready: bench/requirements.txt bench/requirements-fundus.txt
	for env in .venv-bench .venv-bench-fundus; do \
		$(PYTHON) -m venv --clear --without-pip $$env \
		&& $(PYTHON) -m pip --python $$env/bin/python install --quiet --disable-pip-version-check --no-warn-script-location pip==26.3 \
		&& $$env/bin/python -m pip install --quiet --disable-pip-version-check -r bench/requirements$${env#.venv-bench}.txt \
		|| echo "!!! $$env could not be set up: what it holds will not be measured !!!"; \
	done
	@touch $@

# The long form of the kill tests: half an hour.
torture: setup
	$(BIN)/python tests/torture.py

# Scrapyd on loopback, with an environment and a data folder of its own; see docs/operate.md.
scrapyd: setup
	$(BIN)/python deploy/serve.py

deploy: setup
	$(BIN)/python deploy/push.py $(TARGET)

# Write the versions of a fresh resolution into constraints.txt.
lock:
	rm -rf .venv-lock && $(PYTHON) -m venv --without-pip .venv-lock
	$(PYTHON) -m pip --python .venv-lock/bin/python install --quiet pip==26.3
	.venv-lock/bin/python -m pip install --quiet --upgrade --editable '.[dev]'
	.venv-lock/bin/python -m pip freeze --exclude-editable > constraints.txt
	rm -rf .venv-lock
