"""The OpenAPI document tells the truth: generated requests, and programs of them, find no lie."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import httpx
import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, settings
from hypothesis.errors import FlakyStrategyDefinition
from schemathesis import Case, checks
from tests.service.serving import serving
from tests.storage import stores

from kato.service import create_app
from kato.settings import Settings

DOCUMENT = create_app(Settings.from_environment({})).openapi()

API = schemathesis.openapi.from_dict(DOCUMENT).exclude(path_regex="/(import|backup)$")
"""Without what takes or sends files; see :mod:`tests.service.test_transfer` and `test_backup`."""

WANTED = [
    checks.not_a_server_error,
    checks.status_code_conformance,
    checks.content_type_conformance,
    checks.response_schema_conformance,
]


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A service of its own."""
    with serving(stores.settings(tmp_path_factory.mktemp("schema"))) as url:
        yield url


@pytest.fixture(scope="module")
def session(served: str) -> str:
    """A session that lives as long as nobody deletes it."""
    made = httpx.post(f"{served}/sessions", json={"node_id": "schema"}).json()
    identity: str = made["session_id"]
    return identity


def options(examples: int) -> settings:
    """How long to try."""
    return settings(
        max_examples=examples,
        stateful_step_count=8,
        deadline=None,
        suppress_health_check=list(HealthCheck),
        phases=[Phase.explicit, Phase.generate],
    )


def validated(case: Case[Any], url: str, session: str) -> None:
    """Send a request, mostly to a session that is there; the answer is as documented."""
    asked = case.path_parameters or {}
    if "session_id" in asked and case.method != "DELETE" and len(str(asked["session_id"])) % 4:
        case.path_parameters = {**asked, "session_id": session}
    case.validate_response(case.call(base_url=url, timeout=60), checks=WANTED)


@API.parametrize()
@options(2)
def test_requests(case: Case[Any], served: str, session: str) -> None:
    validated(case, served, session)


@pytest.mark.deep
@API.parametrize()
@options(150)
def test_many_requests(case: Case[Any], served: str, session: str) -> None:
    validated(case, served, session)


RUN = 5
"""Programs that one run of Hypothesis generates."""


@pytest.mark.parametrize("examples", [12, pytest.param(800, marks=pytest.mark.deep)])
def test_programs(served: str, examples: int) -> None:
    machine: Any = API.as_state_machine()

    class Programs(machine):  # type: ignore[misc]
        def get_call_kwargs(self, _case: Case[Any]) -> dict[str, Any]:
            return {"base_url": served, "timeout": 60}

        def validate_response(self, response: Any, case: Case[Any], **_: Any) -> None:
            case.validate_response(response, checks=WANTED)

    for _ in range(examples // RUN):
        # A memory answers the same program otherwise the second time, which Hypothesis, that
        # replays beginnings within a run, may take for a strategy that is not deterministic.
        with suppress(FlakyStrategyDefinition):
            Programs.run(settings=options(RUN))


def test_every_operation_of_the_original_is_there() -> None:
    asked = {tuple(line.split("\t")) for line in SURFACE}
    known = {
        (method.upper(), path) for path, methods in DOCUMENT["paths"].items() for method in methods
    }
    assert asked - known == set()


SURFACE = """\
GET	/
GET	/health
GET	/status
POST	/sessions
GET	/sessions/count
GET	/sessions/{session_id}
GET	/sessions/{session_id}/exists
DELETE	/sessions/{session_id}
POST	/sessions/{session_id}/extend
GET	/sessions/{session_id}/config
POST	/sessions/{session_id}/config
POST	/sessions/{session_id}/observe
POST	/sessions/{session_id}/observe-sequence
GET	/sessions/{session_id}/stm
POST	/sessions/{session_id}/learn
POST	/sessions/{session_id}/clear-stm
POST	/sessions/{session_id}/clear-all
POST	/sessions/{session_id}/finalize-training
GET	/sessions/{session_id}/predictions
GET	/sessions/{session_id}/percept-data
GET	/sessions/{session_id}/cognition-data
GET	/pattern/{pattern_id}
GET	/symbols/stats
GET	/symbols/affinity
GET	/symbols/{symbol}/affinity
GET	/percept-data
GET	/cognition-data
GET	/metrics
GET	/metrics/{metric_name}
GET	/stats
GET	/concurrency
GET	/connection-pools
GET	/cache/stats
POST	/cache/invalidate
GET	/distributed-stm/stats""".splitlines()
