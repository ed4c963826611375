"""Undo over HTTP, and through the client."""

from __future__ import annotations

import httpx
import msgspec
import pytest
from tests.service.nodes import path, taught
from tests.storage import stores
from tests.storage.stores import Backend

from kato.client import connect
from kato.errors import Conflict, NothingToUndo

GOOD = [["a"], ["b"], ["c"]]


@pytest.fixture(scope="module")
def backend(tmp_path_factory: pytest.TempPathFactory) -> Backend:
    """Stores whose memory holds what is taken away."""
    settings = stores.embedded(tmp_path_factory.mktemp("embedded")).settings
    return Backend("embedded", msgspec.structs.replace(settings, undo_seconds=600))


def test_what_is_cleared_through_a_session_comes_back(client: httpx.Client, kb_name: str) -> None:
    taught(client, kb_name, GOOD)
    session = client.post("/sessions", json={"node_id": kb_name}).json()["session_id"]
    assert client.post(f"/sessions/{session}/clear-all").json()["status"] == "cleared"
    (change,) = client.get(path(kb_name, "undo")).json()["changes"]
    assert (change["kind"], change["node_id"], change["patterns"]) == ("clear", kb_name, 1)
    assert change in client.get("/undo").json()["changes"]
    undone = client.post(path(kb_name, "undo"))
    assert undone.json() == {"status": "undone", **change}
    assert client.get(path(kb_name)).json()["patterns"] == 1
    nothing = client.post(path(kb_name, "undo"))
    assert (nothing.status_code, "KATO_UNDO_SECONDS" in nothing.text) == (404, True)


def test_what_was_learned_since_gives_way_only_if_it_is_said(
    client: httpx.Client, kb_name: str
) -> None:
    taught(client, kb_name, GOOD)
    client.post(path(kb_name, "clear"))
    taught(client, kb_name, [["x"], ["y"]], [["x"], ["z"]])
    refused = client.post(path(kb_name, "undo"))
    assert (refused.status_code, "replace" in refused.json()["detail"]) == (409, True)
    once = {"Idempotency-Key": kb_name.encode().hex()}
    for _ in range(2):
        answer = client.post(path(kb_name, "undo"), params={"replace": True}, headers=once)
        assert answer.json()["kind"] == "clear"
        assert client.get(path(kb_name)).json()["patterns"] == 1


def test_the_client_undoes(url: str, kb_name: str) -> None:
    with connect(url) as memory:
        kb = memory.knowledge_base(kb_name)
        name = kb.learn(GOOD)
        assert name is not None
        kb.forget(name)
        assert kb.undoable() == [change for change in memory.undoable() if change.pattern == name]
        assert kb.undo().pattern == name
        assert kb.get(name).events == GOOD
        kb.clear()
        kb.learn([["x"], ["y"]])
        with pytest.raises(Conflict):
            memory.undo(kb_name)
        assert memory.undo(kb_name, replace=True).kind == "clear"
        assert kb.get(name).events == GOOD
        with pytest.raises(NothingToUndo):
            memory.undo(kb_name + " never")
