# For contributors; users need only run.py. Results of benchmarks go to benchmarks/results.
PYTHON := .venv/bin/python
# What must answer alike whatever algorithms do the work.
CORE := tests/test_examples.py tests/matching tests/metrics tests/memory tests/session tests/recall/test_filters.py \
	tests/recall/test_executor.py tests/service/test_golden.py
# Counts steps of 500 patterns, which is what is off.
NOT_PLAIN := --deselect tests/memory/test_errors.py::test_learning_many_while_clickhouse_is_away

.PHONY: test lint deep plain crash bench soak wheel

test:          ## linters, types, tests and examples, as CI runs them
	python3 run.py test

lint:          ## format and mend what can be mended
	.venv/bin/ruff check --fix
	.venv/bin/ruff format

deep:          ## large example counts and long loops; the result is kept
	$(PYTHON) -m benchmarks.deep

plain:         ## the core with every fast path off, then each switch against the fast path, in depth
	KATO_PLAIN=all $(PYTHON) -m pytest --timeout 3600 $(CORE) $(NOT_PLAIN)
	$(PYTHON) -m pytest -m "deep or not deep" --timeout 7200 tests/plain

crash:         ## only the crash loops of deep
	$(PYTHON) -m pytest -m deep --timeout 7200 tests/crash

bench:         ## every benchmark, one after the other
	for file in kernel learn predict start datasets recall service market_feed market_ingest plain; do $(PYTHON) -m benchmarks.$$file || exit 1; done

soak:          ## an hour of mixed load on the service, an hour of markets; memory must stay flat
	$(PYTHON) -m benchmarks.soak
	$(PYTHON) -m benchmarks.market_soak

wheel:         ## build, and install in an empty environment
	.venv/bin/uv build
	python3 -m venv build/empty && build/empty/bin/pip install --quiet dist/*.whl
	build/empty/bin/kato --help
