"""What is measured moves when it should, over real stores."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import msgspec
import pytest
from prometheus_client.openmetrics.parser import (
    text_string_to_metric_families as openmetrics_families,
)
from tests.service.conftest import Opened
from tests.service.measured import TEXT, value, within
from tests.service.serving import serving
from tests.storage import stores
from tests.storage.stores import Backend, TcpValkey
from tests.support.clickhouse_http import ClickHouseHttpServer

import kato
from kato.market.measures import PROCESS
from kato.service import watching

ROOT = Path(__file__).parents[2]


def observe(client: httpx.Client, session: str, *symbols: str) -> None:
    assert client.post(f"{session}/observe", json={"strings": list(symbols)}).status_code == 200


def learn(client: httpx.Client, session: str, *symbols: str) -> None:
    for symbol in symbols:
        observe(client, session, symbol)
    assert client.post(f"{session}/learn").status_code == 200


def test_requests_are_counted_by_template_method_and_status(
    client: httpx.Client, opened: Opened
) -> None:
    session = opened()
    route = {"route": "/sessions/{session_id}/stm", "method": "GET"}
    before = value(client, "kato_requests_total", **route, status="200")
    seconds = value(client, "kato_request_seconds_count", **route)
    client.get(f"{session}/stm")
    assert value(client, "kato_requests_total", **route, status="200") == before + 1
    assert value(client, "kato_request_seconds_count", **route) == seconds + 1
    client.get("/sessions/nobody/stm")
    assert value(client, "kato_requests_total", **route, status="404") >= 1


def test_what_a_client_makes_up_is_no_label(client: httpx.Client, opened: Opened) -> None:
    before = value(client, "kato_requests_total", route="none", status="404")
    client.get("/made-up/of/anything")
    client.request("PROPFIND", "/made-up/too")
    session = opened()
    client.get(session)
    text = client.get("/metrics", headers=TEXT).text
    assert "made-up" not in text
    assert "PROPFIND" not in text
    assert session.rsplit("/", maxsplit=1)[1] not in text
    assert value(client, "kato_requests_total", route="none", status="404") == before + 2
    assert value(client, "kato_requests_total", route="none", method="other") >= 1


@pytest.mark.parametrize(
    ("path", "body", "moves"),
    [
        ("observe", {"strings": ["a"]}, {"observations": 1}),
        ("observe", {"strings": []}, {"observations": 1}),
        (
            "observe-sequence",
            {"observations": [{"strings": ["a"]}, {"strings": ["b"]}], "learn_at_end": True},
            {"observations": 2, "patterns_learned": 1},
        ),
        ("learn", None, {"learns": 1, "patterns_learned": 1}),
    ],
)
def test_what_sessions_do_is_counted(
    client: httpx.Client, opened: Opened, path: str, body: Any, moves: dict[str, int]
) -> None:
    session = opened()
    observe(client, session, "x", "y")
    names = ("observations", "learns", "patterns_learned")
    before = {name: value(client, f"kato_{name}_total") for name in names}
    assert client.post(f"{session}/{path}", json=body).status_code == 200
    moved = {name: value(client, f"kato_{name}_total") - before[name] for name in names}
    assert moved == {name: moves.get(name, 0) for name in names}


def test_sessions_are_counted(client: httpx.Client, kb_name: str) -> None:
    def counted(name: str) -> float:
        return value(client, f"kato_sessions_{name}")

    before = {name: counted(name) for name in ("created_total", "deleted_total", "alive")}
    answers = [client.post("/sessions", json={"node_id": kb_name}).json() for _ in range(3)]
    assert counted("created_total") == before["created_total"] + 3
    assert counted("alive") == before["alive"] + 3
    client.delete(f"/sessions/{answers[0]['session_id']}")
    assert counted("deleted_total") == before["deleted_total"] + 1
    assert counted("alive") == before["alive"] + 2
    told = client.get("/metrics").json()["sessions"]
    assert told["total_created"] == counted("created_total")
    assert told["total_deleted"] == counted("deleted_total")
    assert told["active"] == counted("alive")


def test_sessions_that_expire_are_counted(client: httpx.Client, kb_name: str) -> None:
    before = value(client, "kato_sessions_expired_total")
    client.post("/sessions", json={"node_id": kb_name, "ttl_seconds": 1})
    assert within(10, lambda: value(client, "kato_sessions_expired_total") == before + 1)


@pytest.mark.parametrize("explain", [False, True])
def test_predictions_are_counted_by_plan_and_stage(
    client: httpx.Client, opened: Opened, memory: kato.Memory, explain: bool
) -> None:
    session = opened()
    learn(client, session, "a", "b", "c")
    memory.flush()
    observe(client, session, "a")
    observe(client, session, "b")

    def counted(name: str, **labels: str) -> float:
        return value(client, f"kato_{name}", **labels)

    body = {"explain": explain, "config": {"filter_pipeline": ["length"]}}
    plan, stage = {"plan": "scan"}, {"stage": "filter length"}
    predictions = counted("prediction_seconds_count")
    by_plan = counted("prediction_seconds_count", **plan)
    took = counted("prediction_seconds_sum")
    measured = counted("recall_stage_seconds_total", stage="measure")
    candidates = counted("recall_stage_candidates_total", **stage)
    assert client.post(f"{session}/predictions", json=body).json()["count"] == 1
    assert counted("prediction_seconds_count") == predictions + 1
    assert counted("prediction_seconds_count", **plan) == by_plan + 1
    assert counted("prediction_seconds_sum") > took
    assert counted("recall_stage_seconds_total", stage="measure") > measured
    assert counted("recall_stage_candidates_total", **stage) > candidates
    assert client.get(f"{session}/cognition-data").status_code == 200
    assert counted("prediction_seconds_count") == predictions + 2


def test_the_journal_is_measured(client: httpx.Client, opened: Opened, memory: kato.Memory) -> None:
    memory.flush()
    batches = value(client, "kato_batches_total")
    assert value(client, "kato_journal_entries") == 0
    learn(client, opened(), "a", "b")
    assert value(client, "kato_journal_entries") == 1
    assert value(client, "kato_journal_bytes") > 20
    began = time.time()
    memory.flush()
    assert value(client, "kato_journal_entries") == 0
    assert value(client, "kato_journal_bytes") == 0
    assert value(client, "kato_batches_total") == batches + 1
    assert began <= value(client, "kato_last_batch_timestamp_seconds") <= time.time()


def test_the_size_of_the_stores_is_measured(
    client: httpx.Client, opened: Opened, memory: kato.Memory
) -> None:
    names = ("kato_ledger_memory_bytes", "kato_clickhouse_disk_bytes")
    memory.flush()
    before = [value(client, name) for name in names]
    session = opened()
    items = [{"strings": [f"{i} {os.urandom(4).hex()}" * 4, "and"]} for i in range(2000)]
    body = {"observations": items, "learn_after_each": True}
    assert client.post(f"{session}/observe-sequence", json=body).status_code == 200
    memory.flush()
    assert value(client, names[0]) > before[0]
    assert value(client, names[1]) > before[1]


@pytest.mark.parametrize("store", ["clickhouse", "ledger"])
def test_what_is_asked_of_stores_is_measured(client: httpx.Client, store: str) -> None:
    asked = value(client, "kato_store_operations_total", store=store)
    seconds = value(client, "kato_store_seconds_total", store=store)
    client.get("/ready")
    assert value(client, "kato_store_operations_total", store=store) > asked
    assert value(client, "kato_store_seconds_total", store=store) > seconds
    assert value(client, "kato_store_up", store=store) == 1
    assert value(client, "kato_store_errors_total", store=store) == 0


def test_the_process_is_measured(client: httpx.Client, tmp_path: Path) -> None:
    cpu = value(client, "kato_process_cpu_seconds_total")
    files = value(client, "kato_process_open_files")
    resident = value(client, "kato_process_memory_bytes")
    ballast = bytearray(os.urandom(1 << 20) * 64)
    opened = [(tmp_path / "empty").open("w") for _ in range(40)]
    assert value(client, "kato_process_open_files") >= files + 30
    assert value(client, "kato_process_memory_bytes") > resident + len(ballast) / 2
    for file in opened:
        file.close()
    assert sum(i * i for i in range(1_000_000))
    assert value(client, "kato_process_cpu_seconds_total") > cpu


@pytest.mark.parametrize(
    ("accept", "kind"),
    [
        ("", "application/json"),
        ("*/*", "application/json"),
        ("application/json, text/plain, */*", "application/json"),
        ("text/html,application/xhtml+xml,*/*;q=0.8", "application/json"),
        ("text/plain;q=x", "application/json"),
        ("text/plain", "text/plain; version=0.0.4; charset=utf-8"),
        ("application/openmetrics-text", "application/openmetrics-text; version=1.0.0"),
        (
            "application/openmetrics-text;version=1.0.0,text/plain;version=0.0.4;q=0.5,*/*;q=0.1",
            "application/openmetrics-text; version=1.0.0",
        ),
    ],
)
def test_measures_come_in_the_form_that_is_liked(
    client: httpx.Client, accept: str, kind: str
) -> None:
    answer = client.get("/metrics", headers={"Accept": accept})
    assert answer.status_code == 200
    assert answer.headers["content-type"].startswith(kind)
    if "openmetrics" in kind:
        parsed: Any = openmetrics_families  # has no types
        assert list(parsed(answer.text))


def test_metrics_for_old_clients(client: httpx.Client, opened: Opened) -> None:
    before = client.get("/metrics").json()
    learn(client, opened(), "a", "b")
    told = client.get("/metrics").json()
    assert set(told["databases"]) == {"clickhouse", "qdrant", "redis"}
    assert told["databases"]["qdrant"] == {"operations": 0, "errors": 0, "avg_response_time": 0.0}
    for store in ("clickhouse", "redis"):
        assert told["databases"][store]["operations"] > before["databases"][store]["operations"]
        assert 0 < told["databases"][store]["avg_response_time"] < 10
    assert told["sessions"]["operations_total"] == before["sessions"]["operations_total"] + 3
    assert told["performance"]["total_requests"] == before["performance"]["total_requests"] + 1 + 4
    assert 0 < told["performance"]["average_response_time"] < 10
    assert told["performance"]["total_errors"] == told["performance"]["error_rate"] == 0
    assert 0 < told["resources"]["memory_percent"] <= 100
    assert told["uptime_seconds"] > 0
    assert told["error"] is None
    assert told["processor_manager"]["total_processors"] >= 1


@pytest.fixture
def sampled(
    monkeypatch: pytest.MonkeyPatch, memory: kato.Memory, backend: Backend
) -> Iterator[httpx.Client]:
    """A service that looks ten times a second."""
    monkeypatch.setattr(watching, "SAMPLE_SECONDS", 0.1)
    with serving(backend.settings, memory) as url, httpx.Client(base_url=url) as client:
        yield client


def test_a_series_grows(sampled: httpx.Client) -> None:
    def points() -> Any:
        return sampled.get("/metrics/kato_requests_total?minutes=1").json()["data_points"]

    assert within(10, lambda: len(points()) > 4)
    told = sampled.get("/metrics/kato_requests_total", params={"minutes": 1}).json()
    values = [point["value"] for point in told["data_points"]]
    assert values == sorted(values)
    assert values[0] < values[-1]
    statistics = told["statistics"]
    assert (statistics["count"], statistics["min"]) == (len(values), values[0])
    assert statistics["max"] == values[-1]
    assert statistics["avg"] == pytest.approx(sum(values) / len(values))
    assert told["time_range_minutes"] == 1
    assert sampled.get("/metrics").json()["rates"]["requests_per_second"] > 0
    duration = sampled.get("/metrics/kato_request_duration_seconds").json()
    assert 0 < duration["statistics"]["avg"] < 10


def test_minutes_are_minutes(sampled: httpx.Client) -> None:
    began = time.time()
    time.sleep(1.5)  # longer than one, were they seconds
    told = sampled.get("/metrics/load_average_1m", params={"minutes": 1}).json()
    assert told["data_points"][0]["timestamp"] < began + 1
    assert sampled.get("/metrics/load_average_1m", params={"minutes": 0}).status_code == 404


@pytest.mark.parametrize("name", ["nothing", "qdrant_errors", 'it\'s "☃"'])
def test_a_metric_without_points(client: httpx.Client, name: str) -> None:
    answer = client.get(f"/metrics/{name}", params={"minutes": 3})
    assert answer.status_code == 404
    text = f"No data available for metric '{name}' in the last 3 minutes"
    assert answer.json() == {"detail": text}


@pytest.mark.parametrize("minutes", ["x", "-1", "9" * 400, "1.5"])
@pytest.mark.parametrize("path", ["/stats", "/metrics/load_average_1m"])
def test_minutes_that_are_none(client: httpx.Client, path: str, minutes: str) -> None:
    assert client.get(path, params={"minutes": minutes}).status_code == 422


def test_stats(sampled: httpx.Client) -> None:
    assert within(
        5, lambda: len(sampled.get("/stats").json()["time_series"]["kato_cpu_usage_percent"]) > 2
    )
    told = sampled.get("/stats", params={"minutes": 7}).json()
    assert told["time_range_minutes"] == 7
    assert len(told["time_series"]) == 20
    empty = {name for name, points in told["time_series"].items() if not points}
    assert empty == {"qdrant_operations", "qdrant_response_time", "qdrant_errors"}
    assert told["time_series"]["redis_operations"][-1]["value"] > 0
    assert told["time_series"]["clickhouse_response_time"][-1]["value"] > 0
    assert set(told["summary"]) == {"sessions", "performance", "resources", "databases"}
    assert told["current_status"]["status"] in ("healthy", "degraded", "unhealthy")


def test_health_says_what_there_is_too_little_of(sampled: httpx.Client) -> None:
    told = sampled.get("/health").json()
    assert told["metrics_collected"] > 20
    assert told["last_collection"] < time.time()
    assert (told["status"] == "healthy") == (told["issues"] == [])


@pytest.mark.parametrize(
    ("name", "status", "issue"),
    [
        ("BUSY_PERCENT", "degraded", "High CPU usage"),
        ("FULL_PERCENT", "unhealthy", "High memory usage"),
        ("MANY_ERRORS", "degraded", "High error rate"),
    ],
)
def test_health_beyond_a_limit(
    sampled: httpx.Client,
    monkeypatch: pytest.MonkeyPatch,
    name: str,
    status: str,
    issue: str,
) -> None:
    for other in ("BUSY_PERCENT", "FULL_PERCENT", "MANY_ERRORS"):
        monkeypatch.setattr(watching, other, 1e9)
    assert sampled.get("/health").json()["status"] == "healthy"
    monkeypatch.setattr(watching, name, -1.0)
    assert within(5, lambda: sampled.get("/health").json()["status"] == status)
    assert sampled.get("/health").json()["issues"] == [issue]
    assert sampled.get("/health").status_code == 200


def test_concurrency(client: httpx.Client) -> None:
    told = client.get("/concurrency").json()
    assert told["status"] == "healthy"
    assert told["current"]["concurrent_requests"] >= 1  # this one
    assert told["peak"]["concurrent_requests"] >= told["current"]["concurrent_requests"]
    limits = told["limits"]
    assert limits["warning_threshold"] < limits["critical_threshold"] < limits["per_worker"]
    assert told["configuration"]["workers"] == 1
    assert value(client, "kato_requests_in_progress") >= 1


def test_connection_pools(client: httpx.Client) -> None:
    told = client.get("/connection-pools").json()
    assert told["status"] == "healthy"
    assert set(told["health"]) == {"clickhouse", "redis"}
    assert all(store["response_time_ms"] > 0 for store in told["health"].values())
    assert told["pool_statistics"]["redis"]["open"] >= 1


def test_there_is_no_cache_and_no_mirror(client: httpx.Client) -> None:
    cache = client.get("/cache/stats").json()
    assert cache["cache_performance"]["status"] == "disabled"
    assert cache["cache_health"]["redis_connected"] is True
    dropped = client.post("/cache/invalidate", params={"session_id": "it's"}).json()
    assert (dropped["status"], dropped["session_id"]) == ("disabled", "it's")
    mirror = client.get("/distributed-stm/stats").json()
    assert (mirror["status"], mirror["distributed_stm_enabled"]) == ("disabled", False)


def test_stores_that_fail_are_told_and_the_rest_is_too(tmp_path: Path) -> None:
    (tmp_path / "valkey").mkdir()
    with (
        ClickHouseHttpServer(tmp_path / "clickhouse") as clickhouse,
        closing_valkey(tmp_path / "valkey") as valkey,
    ):
        settings = stores.settings(tmp_path, clickhouse=clickhouse.url, redis=valkey.url)
        settings = msgspec.structs.replace(settings, flush_interval_ms=20)
        with serving(settings) as url, httpx.Client(base_url=url, timeout=60) as client:
            session = client.post("/sessions", json={"node_id": "n"}).json()["session_id"]
            clickhouse.stop()
            learn(client, f"/sessions/{session}", "a", "b")
            assert within(10, lambda: value(client, "kato_batch_failures_total") > 0)
            assert value(client, "kato_store_up", store="clickhouse") == 0
            assert value(client, "kato_store_up", store="ledger") == 1
            assert value(client, "kato_store_errors_total", store="clickhouse") > 0
            assert value(client, "kato_store_errors_total", store="ledger") == 0
            assert value(client, "kato_journal_entries") == 1
            pools = client.get("/connection-pools").json()
            assert pools["status"] == "degraded"
            assert not pools["health"]["clickhouse"]["healthy"]
            assert pools["health"]["clickhouse"]["error_count"] > 0
            assert "refused" in pools["health"]["clickhouse"]["last_error"]
            clickhouse.start()
            assert within(20, lambda: value(client, "kato_journal_entries") == 0)
            assert value(client, "kato_store_up", store="clickhouse") == 1
            valkey.stop()
            assert value(client, "kato_store_up", store="ledger") == 0
            assert value(client, "kato_store_errors_total", store="ledger") > 0
            told = client.get("/metrics").json()
            assert told["databases"]["redis"]["errors"] > 0
            assert told["error"]
            health = client.get("/health")
            assert (health.status_code, health.json()["processor_status"]) == (200, "unknown")


@pytest.mark.deep
def test_any_worker_tells_the_sum_of_all(servers: Backend, tmp_path: Path) -> None:
    settings = servers.settings
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    environment = {
        **os.environ,
        "KATO_CLICKHOUSE_URL": settings.clickhouse_url or "",
        "KATO_REDIS_URL": settings.redis_url or "",
        "TMPDIR": str(tmp_path),
    }
    command = [sys.executable, "-m", "kato", "serve", "--port", str(port), "--workers", "2"]
    service = subprocess.Popen(command, env=environment, cwd=ROOT, stderr=subprocess.DEVNULL)
    url = f"http://127.0.0.1:{port}"
    try:
        assert within(60, lambda: _lives(url))
        wanted = 40
        for _ in range(wanted):  # each by a connection of its own, so that both workers get some
            assert httpx.get(f"{url}/symbols/stats?node_id=none").status_code == 200
        with httpx.Client(base_url=url) as one:
            totals = {_counted(url) for _ in range(20)}
            assert totals == {wanted}
            assert one.get("/concurrency").json()["configuration"]["workers"] == 2
        assert len(list(tmp_path.glob("kato-measures-*/counter_*.db"))) == 2
    finally:
        service.send_signal(signal.SIGTERM)
        service.wait(60)
    assert not list(tmp_path.glob("kato-measures-*"))


@contextmanager
def closing_valkey(folder: Path) -> Iterator[TcpValkey]:
    valkey = TcpValkey(folder)
    try:
        yield valkey
    finally:
        valkey.stop()


def _counted(url: str) -> float:
    with httpx.Client(base_url=url) as client:
        return value(client, "kato_requests_total", route="/symbols/stats")


def _lives(url: str) -> bool:
    try:
        return httpx.get(f"{url}/health").status_code == 200
    except httpx.TransportError:
        return False


def test_what_the_market_half_of_this_process_measures_is_told(client: httpx.Client) -> None:
    feed = PROCESS.feeds["kraken"]
    before = feed.messages
    feed.messages += 3
    assert value(client, "kato_market_messages_total", exchange="kraken") == before + 3
    PROCESS.ingest["test"].report.visible.add(0.2)
    assert value(client, "kato_market_visible_seconds_count", group="test") >= 1
