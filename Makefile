# For contributors; users need only run.py. Results of benchmarks go to benchmarks/results.
PYTHON := .venv/bin/python

.PHONY: test lint deep crash bench soak wheel

test:          ## linters, types, tests and examples, as CI runs them
	python3 run.py test

lint:          ## format and mend what can be mended
	.venv/bin/ruff check --fix
	.venv/bin/ruff format

deep:          ## large example counts and long loops; the result is kept
	$(PYTHON) -m benchmarks.deep

crash:         ## only the crash loops of deep
	$(PYTHON) -m pytest -m deep --timeout 7200 tests/crash

bench:         ## every benchmark, one after the other
	for file in kernel learn predict start datasets recall service market_feed market_ingest backup; do $(PYTHON) -m benchmarks.$$file || exit 1; done

soak:          ## an hour of mixed load on the service, an hour of markets; memory must stay flat
	$(PYTHON) -m benchmarks.soak
	$(PYTHON) -m benchmarks.market_soak

wheel:         ## build, and install in an empty environment
	.venv/bin/uv build
	python3 -m venv build/empty && build/empty/bin/pip install --quiet dist/*.whl
	build/empty/bin/kato --help
