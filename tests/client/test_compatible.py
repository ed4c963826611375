"""The client that users of KATO 3 know."""

from __future__ import annotations

import inspect
from collections.abc import Iterator

import pytest

import kato
from kato.client import KATOClient
from kato.errors import InvalidConfig, NotFound, NothingToLearn, SessionNotFound

METHODS = [
    "get_root_info",
    "get_session_info",
    "get_session_config",
    "update_session_config",
    "extend_session",
    "check_session_exists",
    "observe",
    "observe_sequence",
    "get_stm",
    "clear_stm",
    "learn",
    "finalize_training",
    "get_predictions",
    "get_percept_data",
    "get_cognition_data",
    "get_pattern",
    "get_cache_stats",
    "invalidate_cache",
    "get_distributed_stm_stats",
    "get_metrics",
    "get_stats",
    "get_metric_history",
    "get_connection_pools_status",
    "health_check",
    "get_status",
    "close",
]

DEFAULTS = {
    "base_url": "http://localhost:8000",
    "timeout": 120,
    "metadata": None,
    "ttl_seconds": None,
    "max_pattern_length": 0,
    "persistence": 5,
    "recall_threshold": 0.1,
    "stm_mode": "CLEAR",
    "indexer_type": "VI",
    "max_predictions": 100,
    "sort_symbols": True,
    "process_predictions": True,
    "auto_recreate_session": True,
    "max_session_recreate_attempts": 3,
}


@pytest.fixture
def client(url: str, kb_name: str) -> Iterator[KATOClient]:
    with KATOClient(url, kb_name, metadata={"who": "me"}, recall_threshold=0.2) as client:
        yield client


def test_it_has_what_it_had() -> None:
    assert all(callable(getattr(KATOClient, method)) for method in METHODS)
    parameters = inspect.signature(KATOClient).parameters
    assert {name: parameters[name].default for name in DEFAULTS} == DEFAULTS
    assert "node_id" in parameters
    with pytest.raises(ValueError, match="node_id"):
        KATOClient()


def test_a_walk(client: KATOClient, kb_name: str) -> None:
    assert client.get_root_info()["service"] == "KATO API"
    assert client.health_check()["status"] in ("healthy", "degraded")
    assert client.get_status()["status"] == "healthy"
    info = client.get_session_info()
    assert (info["node_id"], info["metadata"]) == (kb_name, {"who": "me"})
    assert client.get_session_config()["config"]["recall_threshold"] == 0.2
    assert client.observe(["hello"], emotives={"joy": 1})["stm_length"] == 1
    client.observe_sequence([{"strings": ["world"]}, {"strings": ["!"]}])
    assert client.get_stm()["stm"] == [["hello"], ["world"], ["!"]]
    name = client.learn()["pattern_name"]
    assert name.startswith("PTRN|")
    assert client.get_pattern(name)["pattern"]["pattern"]["frequency"] == 1
    client.observe(["hello"])
    assert client.get_predictions()["predictions"][0]["future"] == [["world"], ["!"]]
    assert client.get_percept_data()["percept_data"]["strings"] == ["hello"]
    assert client.get_cognition_data()["cognition_data"]["symbols"] == ["hello"]
    assert client.finalize_training()["patterns_processed"] == 1
    assert client.extend_session(50)["ttl_seconds"] == 50
    assert client.check_session_exists()["exists"]
    client.clear_stm()
    with pytest.raises(NothingToLearn):
        client.learn()


def test_a_session_that_is_gone_is_made_again_and_said(
    client: KATOClient, memory: kato.Memory, kb_name: str
) -> None:
    client.update_session_config({"max_predictions": 7})
    client.observe(["lost"])
    first = client.session_id
    kato.Session(memory.knowledge_base(kb_name), first).delete()
    with pytest.warns(UserWarning, match="its short-term memory"):
        client.observe(["new"])
    assert client.session_id != first
    assert client.get_stm()["stm"] == [["new"]]
    config = client.get_session_config()["config"]
    assert (config["recall_threshold"], config["max_predictions"]) == (0.2, 7)


def test_a_session_that_is_gone_is_an_error_if_that_is_wished(
    url: str, memory: kato.Memory, kb_name: str
) -> None:
    with KATOClient(url, kb_name, auto_recreate_session=False) as client:
        kato.Session(memory.knowledge_base(kb_name), client.session_id).delete()
        with pytest.raises(SessionNotFound):
            client.observe(["a"])


def test_a_configuration_that_cannot_be_used(url: str, kb_name: str) -> None:
    with pytest.raises(InvalidConfig):
        KATOClient(url, kb_name, persistence=0)


@pytest.mark.parametrize(
    ("method", "told"),
    [
        ("get_root_info", "service"),
        ("health_check", "status"),
        ("get_status", "status"),
        ("get_session_info", "session_id"),
        ("get_session_config", "config"),
        ("get_stm", "stm"),
        ("get_percept_data", "percept_data"),
        ("get_cognition_data", "cognition_data"),
        ("finalize_training", "status"),
        ("get_cache_stats", "cache_performance"),
        ("invalidate_cache", "status"),
        ("get_distributed_stm_stats", "status"),
        ("get_metrics", "sessions"),
        ("get_stats", "time_range_minutes"),
        ("get_connection_pools_status", "pool_statistics"),
    ],
)
def test_what_it_reads(client: KATOClient, method: str, told: str) -> None:
    assert told in getattr(client, method)()


def test_a_metric_without_a_history(client: KATOClient) -> None:
    with pytest.raises(NotFound, match="No data available for metric 'none'"):
        client.get_metric_history("none", minutes=5)
