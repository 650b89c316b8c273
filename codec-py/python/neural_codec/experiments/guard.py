"""Who may speak to the server, and what browsers may do with its answers."""

from __future__ import annotations

import hmac
from http.cookies import CookieError, SimpleCookie
from urllib.parse import parse_qs

from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from .config import LOOPBACK, Config

MOST_BODY_BYTES = 256 << 10
COOKIE = "neural-codec-token"
# Pictures of reports are inside them.
POLICY = "default-src 'self'; img-src 'self' data:; object-src 'none'; base-uri 'none'; frame-ancestors 'none'; form-action 'self'"
# Stored pages are of a worker, and not of this server: they get no script and no origin.
STORED_POLICY = "sandbox; default-src 'none'; style-src 'unsafe-inline'; img-src data:; frame-ancestors 'self'"
_HEADERS = {
    "x-content-type-options": "nosniff", "referrer-policy": "no-referrer", "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin", "content-security-policy": POLICY,
}  # fmt: skip


def number_in(text: str, most_digits: int = 15) -> int | None:
    """A whole number as addresses have it, of plain digits; None where it is none, or longer."""
    return int(text) if text.isascii() and text.isdigit() and len(text) <= most_digits else None


class Guard:
    """Asks for the token where there is one, and for a name of this machine where there is none."""

    def __init__(self, app: ASGIApp, config: Config) -> None:
        self.app = app
        self.token = None if config.token is None else config.token.get_secret_value().encode()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return

        async def guarded(message: Message) -> None:
            if message["type"] == "http.response.start":
                given = {name.lower() for name, _ in message["headers"]}
                extra = [(name.encode(), value.encode()) for name, value in _HEADERS.items() if name.encode() not in given]
                message = {**message, "headers": [*message["headers"], *extra]}
            await send(message)

        request = Request(scope)
        answer = self._refusal(request)
        await (self.app if answer is None else answer)(scope, receive, guarded)

    def _refusal(self, request: Request) -> Response | None:
        if request.method not in ("GET", "HEAD"):
            if int(request.headers.get("content-length") or 0) > MOST_BODY_BYTES:
                return _error(413, f"body: expected at most {MOST_BODY_BYTES} bytes")
            # A form of another page cannot send this type without asking first.
            if (
                request.method == "POST"
                and request.headers.get("content-type", "").partition(";")[0].strip() != "application/json"
            ):
                return _error(415, "content-type: expected application/json")
        if self.token is None:
            # Names that lead elsewhere, as in DNS rebinding, are not ours.
            host = request.headers.get("host", "")
            name = host.rpartition("]")[0].lstrip("[") if host.startswith("[") else host.partition(":")[0]
            return None if name in LOOPBACK else _error(403, "host: expected this machine, as no token is set")
        if request.url.path == "/health":
            return None
        given = parse_qs(request.url.query).get("token", [""])[0]
        if given and request.method == "GET" and self._right(given):
            answer = RedirectResponse("/" + request.url.path.lstrip("/"), 303)
            answer.set_cookie(COOKIE, given, httponly=True, samesite="strict", secure=request.url.scheme == "https")
            return answer
        if any(map(self._right, (_bearer(request), _cookie(request)))):
            return None
        return _error(401, "authorization: expected a bearer token", {"www-authenticate": "Bearer"})

    def _right(self, given: str) -> bool:
        return self.token is not None and hmac.compare_digest(given.encode(), self.token)


def _bearer(request: Request) -> str:
    kind, _, given = request.headers.get("authorization", "").partition(" ")
    return given if kind.lower() == "bearer" else ""


def _cookie(request: Request) -> str:
    try:
        found = SimpleCookie(request.headers.get("cookie", "")).get(COOKIE)
    except CookieError:
        return ""
    return "" if found is None else found.value


def _error(status: int, text: str, headers: dict[str, str] | None = None) -> Response:
    return JSONResponse({"error": text}, status, headers)
