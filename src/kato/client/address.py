"""Where a service is, and what every request to it carries."""

from __future__ import annotations

from importlib import metadata
from ipaddress import ip_address
from urllib.parse import urlsplit

import httpx
import msgspec

from kato.client.call import Call
from kato.errors import InvalidInput, shown

TIMEOUT_SECONDS = 120.0
"""As long as a service may take that compiles its kernels, once, for the first prediction."""


class Address(msgspec.Struct, frozen=True):
    """A service's address.

    Attributes:
        url: Without a slash at its end.
        api_key: Its key, if it wants one.

    >>> Address.of("http://localhost:8000/").url
    'http://localhost:8000'
    """

    url: str
    api_key: str | None = None

    @classmethod
    def of(cls, url: str, api_key: str | None = None) -> Address:
        """The address, checked.

        Raises:
            InvalidInput: It is no HTTP address, or the key cannot stand in a header.
        """
        try:
            urlsplit(url)  # httpx takes brackets that are never closed
            parsed = httpx.URL(url)
        except (httpx.InvalidURL, AttributeError, TypeError, ValueError) as error:
            raise InvalidInput(f"no address: {shown(url)}: {error}", remedy=_REMEDY) from None
        if parsed.scheme not in ("http", "https") or not parsed.host:
            raise InvalidInput(f"no HTTP address: {shown(url)}", remedy=_REMEDY)
        if api_key is not None and not (api_key.isascii() and api_key.isprintable()):
            raise InvalidInput("an API key holds printable ASCII characters only")
        return cls(url.rstrip("/"), api_key)

    @property
    def is_here(self) -> bool:
        """Whether it is this machine: proxies are not for it."""
        host = httpx.URL(self.url).host
        try:
            return host == "localhost" or ip_address(host).is_loopback
        except ValueError:
            return False

    def url_of(self, call: Call[object]) -> httpx.URL:
        """Where a call goes."""
        url = httpx.URL(self.url + call.path)
        return url.copy_with(params=dict(call.query)) if call.query else url

    def headers(self) -> dict[str, str]:
        """Headers of every request."""
        headers = {"Accept": "application/json", "User-Agent": f"kato/{metadata.version('kato')}"}
        return headers | ({"Authorization": f"Bearer {self.api_key}"} if self.api_key else {})


def headers_of(call: Call[object]) -> dict[str, str]:
    """Headers of one request."""
    headers = {} if call.key is None else {"Idempotency-Key": call.key}
    return headers if call.content is None else headers | {"Content-Type": "application/json"}


_REMEDY = "write it as http://localhost:8000"
