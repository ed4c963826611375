"""A backup of a service, as it is sent."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import httpx

from kato.client.address import Address
from kato.client.call import Call, changing, nothing
from kato.client.failures import error_of, lost
from kato.client.transport import CONNECT_SECONDS, answer_of, loss_of
from kato.errors import InvalidInput


def fetch_backup(url: str, api_key: str | None, target: Path) -> int:
    """Let a service take a backup, and keep it in a file; answers its bytes.

    Args:
        url: Where the service is.
        api_key: Its key, if it wants one; it must have the right to write to all nodes.
        target: Its name ends in ``.tar``; it is there when it is whole.

    Raises:
        InvalidInput: The file is there already, or its name ends otherwise.
        Conflict: Another backup is being taken.
        ServiceUnavailable: The service does not answer, or was lost in the middle.
    """
    if target.suffix != ".tar" or target.exists():
        raise InvalidInput(
            f"a service's backup cannot become {target}",
            remedy="give the name of a new file that ends in .tar",
        )
    at = Address.of(url, api_key)
    call: Call[Any] = changing("POST", "/backup", nothing)
    partial = target.with_name(target.name + ".partial")
    # How long it takes before it is sent depends on how much there is.
    patience = httpx.Timeout(None, connect=CONNECT_SECONDS)
    try:
        with (
            httpx.Client(
                headers=at.headers(), timeout=patience, trust_env=not at.is_here
            ) as client,
            client.stream(call.method, at.url_of(call)) as response,
        ):
            if response.status_code != httpx.codes.OK:
                response.read()
                raise error_of(call, answer_of(response))
            _keep(response, partial)
        partial.rename(target)
    except (httpx.TransportError, httpx.DecodingError) as error:
        raise lost(call, at.url, loss_of(error)) from error
    finally:
        partial.unlink(missing_ok=True)
    return target.stat().st_size


def _keep(response: httpx.Response, file: Path) -> None:
    with file.open("wb") as kept:
        for part in response.iter_bytes():
            kept.write(part)
        kept.flush()
        os.fsync(kept.fileno())
