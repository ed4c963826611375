"""What the service measures."""

from __future__ import annotations

from fastapi import APIRouter

router = APIRouter(tags=["monitoring"])
