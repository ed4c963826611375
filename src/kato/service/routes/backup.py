"""A backup of all that the service holds: the way to one where it has embedded stores open."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Response
from fastapi.responses import FileResponse
from starlette.background import BackgroundTask

from kato.service.context import Context, context_of
from kato.service.wire.errors import STORE, Detail
from kato.service.workplace import Workplace
from kato.upkeep.backup import backup

router = APIRouter(tags=["backup"], responses=STORE)

_TAR = "application/x-tar"
_ARCHIVE = {_TAR: {"schema": {"type": "string", "format": "binary"}}}


@router.post(
    "/backup",
    response_class=FileResponse,
    responses={
        200: {"description": "The archive.", "content": _ARCHIVE},
        409: {"model": Detail, "description": "Another backup is being taken."},
    },
)
async def take_backup(context: Annotated[Context, Depends(context_of)]) -> Response:
    """Take a backup of all nodes, sessions and layers, as `kato restore` takes it.

    It is made in the service's cache folder first, which takes twice its size meanwhile, and sent
    then. Learning goes on.
    """
    place = await context.call(Workplace, context.settings.cache_dir, "backup")
    archive = place.folder / "backup.tar"
    try:
        await context.call(backup, context.memory, archive)
    except BaseException:
        place.remove()
        raise
    done = BackgroundTask(place.remove)
    return FileResponse(archive, media_type=_TAR, filename=archive.name, background=done)
