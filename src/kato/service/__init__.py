"""The memory over HTTP: sessions that existing KATO clients can use unchanged."""

from kato.service.app import create_app

__all__ = ["create_app"]
