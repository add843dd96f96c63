"""One HTTP request: redirects counted, silence and dripping cut off, failures sorted into passing and lasting ones.

The libraries at hand fetch whole files (pooch) or raise at once (requests); none of them continues a file, notices a server
that drips, and says which failures are worth another try. The standard library's parts are enough for that.
"""

from __future__ import annotations

import http.client
import socket
import ssl
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any
from urllib.error import HTTPError, URLError
from urllib.parse import urlsplit
from urllib.request import (
    HTTPDefaultErrorHandler,
    HTTPErrorProcessor,
    HTTPHandler,
    HTTPRedirectHandler,
    HTTPSHandler,
    OpenerDirector,
    ProxyHandler,
    Request,
)

from workflow_scripts.common.errors import AtlasError

BLOCK = 1 << 18
# Answers of a server that may think better of it.
_PASSING = {408, 425, 429, *range(500, 600)}
_REFUSALS = {401, 402, 403, 407, 451}
_GONE = {404, 410}


@dataclass(frozen=True)
class Limits:
    """How patient a download is.

    Attributes:
        attempts: failures one after the other, without real progress between them, before it is given up.
        wait: seconds before the second attempt, doubled with every further one.
        longest_wait: seconds between attempts at most, also where a server asks for more.
        silence: seconds without a byte after which a connection counts as dead; also for a whole answer's head.
        window: seconds over which the speed is taken.
        slowest: bytes per second that a connection must bring over a window.
        total: seconds for the whole file.
        redirects: steps from the address to the file.
    """

    attempts: int = 6
    wait: float = 2.0
    longest_wait: float = 120.0
    silence: float = 60.0
    window: float = 60.0
    slowest: float = 5000.0
    total: float = 72 * 3600.0
    redirects: int = 10


def limits_from(options: Mapping[str, float]) -> Limits:
    """Return the limits with `options` in place of defaults.

    Raises:
        AtlasError: an unknown name.
    """
    unknown = set(options) - set(Limits.__dataclass_fields__)
    if unknown:
        raise AtlasError(f"limits: {', '.join(sorted(unknown))} unknown; known: {', '.join(Limits.__dataclass_fields__)}")
    return Limits(**options)  # type: ignore[arg-type]


class SourceError(AtlasError):
    """This address does not have the file for us; another one might."""


class InterruptedTransferError(Exception):
    """A failure that may pass."""

    def __init__(self, text: str, wait: float | None = None) -> None:
        """Say what happened; `wait` is the number of seconds that the server asks for."""
        super().__init__(text)
        self.wait = wait


class RangeRefusedError(Exception):
    """The server has nothing from the asked byte on."""

    def __init__(self, total: int | None) -> None:
        """Keep the size that the server gives for the whole file, where it does."""
        super().__init__()
        self.total = total


@contextmanager
def request(url: str, headers: Mapping[str, str], limits: Limits) -> Iterator[http.client.HTTPResponse]:
    """Yield the answer, status 200 or 206, to a GET request.

    Raises:
        SourceError: this will not change: not found, not allowed, redirects in a circle, no valid certificate.
        InterruptedTransferError: this may pass: no connection, no answer in time, the server is busy or broken.
        RangeRefusedError: status 416.
    """
    _check_url(url)
    watch = _Watch(limits.silence)
    opener = OpenerDirector()
    for handler in (
        ProxyHandler(),
        _Http(watch),
        _Https(watch),
        _Redirects(limits.redirects),
        HTTPDefaultErrorHandler(),
        HTTPErrorProcessor(),
    ):
        opener.add_handler(handler)
    # identity: the bytes of the file, not of a compressed form of it.
    asked = Request(url, headers={"User-Agent": "vit-atlas", "Accept-Encoding": "identity", **headers})  # noqa: S310 - checked
    try:
        with watch:
            response = opener.open(asked, timeout=limits.silence)
    except HTTPError as error:
        with error:
            raise _by_status(url, error) from None
    except AtlasError:
        raise
    except (OSError, http.client.HTTPException) as error:
        raise _by_cause(url, error, watch) from None
    with response:
        if response.status not in (200, 206):
            raise SourceError(f"{url} answers {response.status} ({response.reason}) instead of a file")
        yield response


def blocks(response: http.client.HTTPResponse, limits: Limits, deadline: float) -> Iterator[bytes]:
    """Yield the body as it comes.

    Args:
        response: the answer.
        limits: its slowest speed and longest silence.
        deadline: moment, as of `time.monotonic`, at which it is over in any case.

    Raises:
        InterruptedTransferError: the connection broke, was silent or too slow.
    """
    mark, count = time.monotonic(), 0
    while True:
        try:
            # read1 returns what one look at the socket brings; read would wait for a whole block of a server that drips.
            block = response.read1(BLOCK)
        except TimeoutError:
            raise InterruptedTransferError(f"no data for {limits.silence:g} s") from None
        except (OSError, http.client.HTTPException) as error:
            raise InterruptedTransferError(f"the connection broke ({_said(error)})") from None
        if not block:
            return
        yield block
        count += len(block)
        now = time.monotonic()
        if now > deadline:
            raise InterruptedTransferError("not finished in time")
        if now - mark >= limits.window:
            if count < limits.slowest * (now - mark):
                raise InterruptedTransferError(f"slower than {limits.slowest:g} bytes/s for {limits.window:g} s")
            mark, count = now, 0


class _Watch:
    """Hangs up if the head of an answer, redirects included, takes too long: a socket's time-out begins anew with each byte."""

    def __init__(self, seconds: float) -> None:
        self.timer = threading.Timer(seconds, self._hang_up)
        self.timer.daemon = True
        self.sockets: list[socket.socket] = []
        self.struck = False

    def __enter__(self) -> None:
        self.timer.start()

    def __exit__(self, *_: object) -> None:
        self.timer.cancel()

    def connection(self, kind: type[http.client.HTTPConnection]) -> type[http.client.HTTPConnection]:
        """Return the connection class that tells this watch its socket."""
        watch = self

        class Watched(kind):  # type: ignore[valid-type,misc]
            def connect(self) -> None:
                super().connect()
                watch.sockets.append(self.sock)

        return Watched

    def _hang_up(self) -> None:
        self.struck = True
        for link in self.sockets:
            with suppress(OSError):
                link.shutdown(socket.SHUT_RDWR)


class _Http(HTTPHandler):
    def __init__(self, watch: _Watch) -> None:
        super().__init__()
        self.connection = watch.connection(http.client.HTTPConnection)

    def http_open(self, req: Request) -> Any:
        return self.do_open(self.connection, req)


class _Https(HTTPSHandler):
    def __init__(self, watch: _Watch) -> None:
        super().__init__()
        self.connection = watch.connection(http.client.HTTPSConnection)

    def https_open(self, req: Request) -> Any:
        return self.do_open(self.connection, req, context=ssl.create_default_context())


class _Redirects(HTTPRedirectHandler):
    def __init__(self, steps: int) -> None:
        self.max_redirections = steps

    def redirect_request(self, req: Request, fp: Any, code: int, msg: str, headers: Any, newurl: str) -> Request | None:
        if urlsplit(newurl).scheme not in ("http", "https"):
            fp.close()
            raise SourceError(f"{req.full_url} redirects to {newurl}, which is not an http address")
        return super().redirect_request(req, fp, code, msg, headers, newurl)


def _check_url(url: str) -> None:
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname or not url.isascii() or any(c.isspace() for c in url):
        raise SourceError(f"'{url}' is not an http address; correct it")


def _by_status(url: str, error: HTTPError) -> Exception:
    where = url if error.url in (None, url) else f"{url} (redirected to {error.url})"
    answer = f"{where} answers {error.code} ({error.reason})"
    if error.code == 416:
        total = error.headers.get("Content-Range", "").rpartition("*/")[2]
        return RangeRefusedError(int(total) if total.isdecimal() else None)
    if error.code in _PASSING:
        wait = error.headers.get("Retry-After", "") if error.headers else ""
        return InterruptedTransferError(answer, float(wait) if wait.isdecimal() else None)
    if error.code in _REFUSALS:
        return SourceError(f"{answer}: it asks for a login or for accepted terms")
    if error.code in _GONE:
        return SourceError(f"{answer}: the file is not there (any more)")
    if 300 <= error.code < 400:
        # The library's text for it has several lines.
        if HTTPRedirectHandler.inf_msg in str(error.reason):
            return SourceError(f"{url} redirects in a circle or too often, at last from {error.url}")
        return SourceError(f"{where} answers {error.code}, a redirect that leads to no http address")
    return SourceError(answer)


def _by_cause(url: str, error: Exception, watch: _Watch) -> Exception:
    cause = error.reason if isinstance(error, URLError) and isinstance(error.reason, Exception) else error
    host = urlsplit(url).netloc
    if watch.struck or isinstance(cause, TimeoutError):
        return InterruptedTransferError(f"no answer from {host} within {watch.timer.interval:g} s")
    if isinstance(cause, ssl.SSLCertVerificationError):
        return SourceError(f"{url}: the server's certificate is not valid ({cause.verify_message})")
    if isinstance(cause, http.client.InvalidURL):
        return SourceError(f"'{url}' is not an http address; correct it")
    if isinstance(cause, socket.gaierror):
        return InterruptedTransferError(f"no host {host} found; is this machine on the network?")
    return InterruptedTransferError(f"no connection to {host} ({_said(cause)})")


def _said(error: Exception) -> str:
    return (getattr(error, "strerror", None) or str(error) or type(error).__name__).strip()
