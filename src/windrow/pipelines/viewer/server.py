"""Serves one map to a browser on the same machine.

The server listens on 127.0.0.1 alone. It answers GET for a fixed list of addresses, and reads no
path that a request names. Requests whose ``Host`` is another name are refused, so that a page
elsewhere cannot reach the map under a name of its own that leads here (DNS rebinding). The
Content-Security-Policy keeps the page from asking any other address.
"""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

from windrow.errors import SettingsError, WindrowError
from windrow.json_values import JsonSerializable
from windrow.pipelines.viewer.content import MapContent

HOST = "127.0.0.1"

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
    "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)

_TILE = re.compile(r"/tile/([0-9]{1,2})/([0-9]{1,6})/([0-9]{1,6})")
_NUMBER = re.compile(r"[0-9]{1,9}")
_SECONDS_TO_WAIT = 30.0
"""A connection that sends nothing for so long is closed."""


@dataclass(frozen=True)
class PageFile:
    """A file of the page.

    Attributes:
        content: its bytes.
        media_type: such as ``text/css``.
    """

    content: bytes
    media_type: str


@dataclass(frozen=True)
class _Answer:
    status: HTTPStatus
    content: bytes
    media_type: str = "application/json"
    shape: tuple[int, ...] = ()


class _NotFoundError(Exception):
    """There is nothing under this address."""


class MapServer(ThreadingHTTPServer):
    """Serves a map until it is shut down.

    Args:
        content: the map.
        page: files of the page by address; ``/`` is the page itself.
        port: port to listen on; 0 takes a free one.

    Raises:
        SettingsError: the port is taken or not allowed.
    """

    daemon_threads = True
    allow_reuse_address = True

    def __init__(self, content: MapContent, page: Mapping[str, PageFile], *, port: int = 0) -> None:
        self.content = content
        self.page = page
        self._picture_thread: threading.Thread | None = None
        self._picture_error: str | None = None
        self._picture_lock = threading.Lock()
        try:
            super().__init__((HOST, port), _Handler)
        except (OSError, OverflowError) as error:
            reason = getattr(error, "strerror", None) or str(error)
            raise SettingsError(
                "the port cannot be used", found=f"{port}: {reason}",
                hint="choose another --port, or leave it out",
            ) from None  # fmt: skip
        number = self.server_address[1]
        self.hosts = {f"{HOST}:{number}", f"localhost:{number}"}

    @property
    def url(self) -> str:
        """Address of the page."""
        return f"http://{HOST}:{self.server_address[1]}/"

    def picture(self) -> _Answer:
        """Answers with the picture in true colours, or that it is being computed."""
        with self._picture_lock:
            if self._picture_thread is None:
                self._picture_thread = threading.Thread(target=self._compute, daemon=True)
                self._picture_thread.start()
            thread = self._picture_thread
        thread.join(timeout=0.2)
        if thread.is_alive():
            return _answer({"waiting": True}, HTTPStatus.ACCEPTED)
        if self._picture_error is not None:
            return _answer({"error": self._picture_error}, HTTPStatus.INTERNAL_SERVER_ERROR)
        found = self.content.picture()
        if found is None:
            raise _NotFoundError
        return _bytes(found.values.tobytes(), (found.step, *found.values.shape))

    def _compute(self) -> None:
        try:
            self.content.picture()
        except WindrowError as error:
            self._picture_error = str(error)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    timeout = _SECONDS_TO_WAIT
    server: MapServer

    def do_GET(self) -> None:
        """Answers a request; the name is that of the standard library."""
        if self.headers.get("Host", "").lower() not in self.server.hosts:
            self._send(_answer({"error": "this host is not served"}, HTTPStatus.FORBIDDEN))
            return
        address = urlsplit(self.path)
        site = self.headers.get("Sec-Fetch-Site", "none")
        if address.path != "/" and site not in ("none", "same-origin"):
            self._send(_answer({"error": "another page asks"}, HTTPStatus.FORBIDDEN))
            return
        try:
            answer = self._find(address.path, parse_qs(address.query, max_num_fields=8))
        except (_NotFoundError, ValueError):
            answer = _answer({"error": "there is nothing here"}, HTTPStatus.NOT_FOUND)
        except WindrowError as error:
            answer = _answer({"error": str(error)}, HTTPStatus.UNPROCESSABLE_ENTITY)
        self._send(answer)

    def _refuse(self) -> None:
        self.close_connection = True
        self._send(_answer({"error": "only GET is answered"}, HTTPStatus.METHOD_NOT_ALLOWED))

    do_HEAD = do_POST = do_PUT = do_PATCH = do_DELETE = do_OPTIONS = _refuse  # noqa: N815

    def _find(self, path: str, query: Mapping[str, list[str]]) -> _Answer:
        content = self.server.content
        if path in self.server.page:
            file = self.server.page[path]
            return _Answer(HTTPStatus.OK, file.content, file.media_type)
        tile = _TILE.fullmatch(path)
        if tile is not None:
            values = content.tile(*(int(number) for number in tile.groups()))
            return _bytes(values.tobytes(), values.shape)
        answers: dict[str, Callable[[], _Answer]] = {
            "/about": lambda: _answer(content.about()),
            "/histogram": lambda: _answer(content.histogram().tolist()),
            "/picture": self.server.picture,
            "/outlines": lambda: _answer(content.outlines()),
            "/pixel": lambda: _answer(
                content.pixel(_number(query, "row"), _number(query, "column"))
            ),
        }
        if content.beside.outlines is not None:
            answers["/parcel"] = lambda: _answer(content.parcel(_number(query, "number")))
        if path not in answers:
            raise _NotFoundError
        return answers[path]()

    def _send(self, answer: _Answer) -> None:
        self.send_response(answer.status)
        self.send_header("Content-Type", answer.media_type)
        self.send_header("Content-Length", str(len(answer.content)))
        if answer.shape:
            self.send_header("X-Shape", " ".join(map(str, answer.shape)))
        self.send_header("Content-Security-Policy", POLICY)
        self.send_header("X-Content-Type-Options", "nosniff")
        self.send_header("Cross-Origin-Resource-Policy", "same-origin")
        self.send_header("Referrer-Policy", "no-referrer")
        self.send_header("Cache-Control", "no-store")
        self.end_headers()
        if self.command != "HEAD":
            try:
                self.wfile.write(answer.content)
            except (BrokenPipeError, ConnectionResetError):
                self.close_connection = True  # the page was closed

    def version_string(self) -> str:
        """Names the server without its version."""
        return "windrow"

    def log_message(self, *_: object) -> None:
        """Prints nothing: only the command line talks to the terminal."""


def _number(query: Mapping[str, list[str]], name: str) -> int:
    given = query.get(name, [])
    if len(given) != 1 or _NUMBER.fullmatch(given[0]) is None:
        raise _NotFoundError
    return int(given[0])


def _answer(value: JsonSerializable | object, status: HTTPStatus = HTTPStatus.OK) -> _Answer:
    return _Answer(status, json.dumps(value, allow_nan=False).encode())


def _bytes(content: bytes, shape: tuple[int, ...]) -> _Answer:
    return _Answer(HTTPStatus.OK, content, "application/octet-stream", shape)
