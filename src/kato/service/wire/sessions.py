"""Sessions on the wire."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from kato.service.wire.examples import SESSION


class SessionWanted(BaseModel):
    """A session to be made."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"node_id": "alice", "config": {"recall_threshold": 0.3}}]}
    )

    node_id: str = Field(description="The node, a knowledge base's name: any text.")
    metadata: dict[str, Any] | None = Field(None, description="Anything about the session.")
    ttl_seconds: int | None = Field(
        None, ge=0, le=2**31, description="Seconds it lives on after it was used; the default if 0."
    )
    config: dict[str, Any] | None = Field(None, description="Configuration keys.")


class SessionAnswer(BaseModel):
    """A session."""

    session_id: str = Field(examples=[SESSION])
    node_id: str = Field(examples=["alice"])
    created_at: str = Field(examples=["2026-11-20T15:31:06.909000Z"])
    expires_at: str = Field(examples=["2026-11-20T16:31:06.909000Z"])
    ttl_seconds: int = Field(description="Seconds until it expires if it is not used.")
    metadata: dict[str, Any]
    session_config: dict[str, Any]


class SessionCount(BaseModel):
    """How many sessions there are."""

    active_session_count: int


class SessionExists(BaseModel):
    """Whether a session is there."""

    exists: bool
    expired: bool = Field(description="Always false: a session that expired never existed.")
    session_id: str = Field(examples=[SESSION])


class SessionDeleted(BaseModel):
    """A session is gone."""

    status: Literal["deleted"]
    session_id: str = Field(examples=[SESSION])


class SessionExtended(BaseModel):
    """A session lives on."""

    status: Literal["extended"]
    session_id: str = Field(examples=[SESSION])
    ttl_seconds: int


class ConfigAnswer(BaseModel):
    """A session's configuration, all keys."""

    session_id: str = Field(examples=[SESSION])
    config: dict[str, Any]


class ConfigChanged(BaseModel):
    """The configuration was changed."""

    status: Literal["okay"]
    message: str
    session_id: str = Field(examples=[SESSION])
