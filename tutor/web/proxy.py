"""Whose word on where a request comes from is taken: the proxy's that the settings name, nobody else's.

Also of headers that the libraries below would believe from anybody (Gradio believes X-Forwarded-Host).
"""

from __future__ import annotations

import ipaddress

from starlette.types import ASGIApp, Receive, Scope, Send
from uvicorn.middleware.proxy_headers import ProxyHeadersMiddleware

ALWAYS_DROPPED = {b"forwarded", b"x-forwarded-host", b"x-forwarded-port", b"x-forwarded-prefix", b"x-gradio-server"}
OF_THE_PROXY = {b"x-forwarded-for", b"x-forwarded-proto"}


class ProxyHeaders:
    """Takes address and scheme from X-Forwarded-For and -Proto where the peer is one of `trusted` (see tutor.settings)."""

    def __init__(self, app: ASGIApp, trusted: str) -> None:
        named = [address.strip() for address in trusted.split(",") if address.strip()]
        self._networks = [ipaddress.ip_network(address) for address in named]
        self._app = app
        self._believing = ProxyHeadersMiddleware(app, named)  # type: ignore[arg-type]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in ("http", "websocket"):
            await self._app(scope, receive, send)
            return
        believed = self._believed(scope)
        dropped = ALWAYS_DROPPED if believed else ALWAYS_DROPPED | OF_THE_PROXY
        scope["headers"] = [(name, value) for name, value in scope["headers"] if name.lower() not in dropped]
        await (self._believing if believed else self._app)(scope, receive, send)  # type: ignore[arg-type]

    def _believed(self, scope: Scope) -> bool:
        try:
            peer = ipaddress.ip_address(scope["client"][0])
        except (TypeError, ValueError):  # a socket without addresses
            return False
        return any(peer in network for network in self._networks)
