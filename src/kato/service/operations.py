"""Requests that may be sent again: ``Idempotency-Key``."""

from __future__ import annotations

import hashlib
from typing import Annotated

from fastapi import Depends, Header, HTTPException, Request

from kato.storage.ledger.operations import Operation

LONGEST_KEY = 255
"""Characters of a key."""


async def identity_of(
    idempotency_key: Annotated[
        str | None,
        Header(
            description="An id of this request, of up to 255 characters. If the same is sent again "
            "within an hour, it is answered as the first time and not carried out once more."
        ),
    ] = None,
) -> str | None:
    """The id of the operation that a request's key stands for; None without a key."""
    # Asynchronous, else FastAPI asks a thread for it at each request.
    if idempotency_key is None:
        return None
    if not 0 < len(idempotency_key) <= LONGEST_KEY:
        raise HTTPException(422, f"an Idempotency-Key has 1 to {LONGEST_KEY} characters")
    # Hashed, so that no key a caller thinks of can be that of an operation of our own.
    return hashlib.sha256(f"key {idempotency_key}".encode()).hexdigest()


async def operation_of(
    request: Request, identity: Annotated[str | None, Depends(identity_of)]
) -> Operation:
    """The operation of a request that changes something; one of its own without a key."""
    if identity is None:
        return Operation()
    body = hashlib.sha256(await request.body()).hexdigest()
    # Of each target by itself, as another target's answer has another form.
    target = f"{request.method} {request.url.path} {identity}"
    asked = f"{request.url.query} {body}"
    return Operation.repeatable(
        hashlib.sha256(target.encode()).hexdigest(), hashlib.sha256(asked.encode()).hexdigest()
    )
