"""What comes next."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Response

from kato.model.prediction import Predictions
from kato.service.config import changes_of
from kato.service.context import Context, context_of
from kato.service.json import StrictRoute, answered
from kato.service.wire.errors import BODY, IN_SESSION, INVALID
from kato.service.wire.predictions import ExplainedAnswer, PredictionsAnswer, PredictWanted

router = APIRouter(
    prefix="/sessions/{session_id}",
    tags=["predictions"],
    route_class=StrictRoute,
    responses=IN_SESSION,
)

Ours = Annotated[Context, Depends(context_of)]


@router.get("/predictions", response_model=PredictionsAnswer, responses=INVALID)
async def read_predictions(
    session_id: str,
    context: Ours,
    unique_id: Annotated[  # noqa: ARG001 - old clients send it
        str | None, Query(description="Not used.")
    ] = None,
) -> Response:
    """Predict from short-term memory, as the session is configured."""
    session = await context.session(session_id)
    found = await context.predict(session.predict)
    return answered(predictions_answer(session_id, found))


@router.post("/predictions", response_model=ExplainedAnswer, responses=BODY)
async def predict(session_id: str, wanted: PredictWanted, context: Ours) -> Response:
    """Predict with another configuration, and tell how if that is wished."""
    session = await context.session(session_id)
    overrides = changes_of(wanted.config)
    found = await context.predict(session.predict, explain=wanted.explain, **overrides)
    answer = predictions_answer(session_id, found)
    if wanted.explain:
        answer["explanation"] = found.explanation
    return answered(answer)


def predictions_answer(session_id: str, found: Predictions) -> dict[str, Any]:
    """Predictions as they are told."""
    return {
        "predictions": found.predictions,
        "future_potentials": found.future_potentials,
        "session_id": session_id,
        "processor_id": None,
        "count": len(found.predictions),
        "time": None,
        "unique_id": None,
    }
