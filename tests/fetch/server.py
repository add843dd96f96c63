"""A local HTTP server that serves files as real ones do, and goes wrong on demand."""

from __future__ import annotations

import contextlib
import hashlib
import re
import threading
import time
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


@dataclass
class Served:
    """A file on the server and what is wrong with it.

    `drop_after` holds, one a request, how many bytes of the body go out before the connection is cut; None is no cut.
    """

    data: bytes = b""
    status: int = 200
    content_type: str = "application/octet-stream"
    headers: dict = field(default_factory=dict)
    etag: bool = True
    ranges: bool = True
    length: bool = True
    drop_after: list = field(default_factory=list)
    fail_first: int = 0  # requests answered 503 before the first good one
    drip: float = 0.0  # seconds between two steps of the body
    step: int = 1  # bytes a step
    head_drip: float = 0.0  # seconds between two bytes of the head
    silent: float = 0.0  # seconds of silence before the answer
    shift: int = 0  # a partial answer begins this many bytes too late


class FaultServer:
    """Serves `files` by path; `requests` lists what was asked, `sent` how many bytes of bodies went out by path."""

    def __init__(self, context=None):
        self.files, self.requests, self.sent = {}, [], {}
        self.done = threading.Event()
        outer = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self):
                self.close_connection = True
                outer.requests.append((self.path, dict(self.headers)))
                # The other side may have had enough.
                with contextlib.suppress(BrokenPipeError, ConnectionResetError):
                    outer.answer(self)

            def log_message(self, *_):
                pass

        self.http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.http.daemon_threads = True
        scheme = "http"
        if context:
            self.http.socket = context.wrap_socket(self.http.socket, server_side=True)
            scheme = "https"
        self.base = f"{scheme}://127.0.0.1:{self.http.server_address[1]}"
        self.thread = threading.Thread(target=self.http.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
        self.thread.start()

    def put(self, path, data=b"", **faults):
        """Serve `data` at `path` and return the address."""
        self.files[path] = Served(data, **faults)
        return self.base + path

    def ranges(self, path):
        """The Range headers that `path` was asked with."""
        return [headers.get("Range") for asked, headers in self.requests if asked == path]

    def close(self):
        self.done.set()
        self.http.shutdown()
        self.http.server_close()
        self.thread.join()

    def wait(self, seconds):
        self.done.wait(seconds)

    def answer(self, handler):
        file = self.files.get(handler.path)
        if file is None:
            return handler.send_error(404)
        if file.silent:
            self.wait(file.silent)
        if file.fail_first > 0:
            file.fail_first -= 1
            return handler.send_error(503)
        etag = f'"{hashlib.md5(file.data).hexdigest()}"'
        start = 0
        asked = re.fullmatch(r"bytes=(\d+)-", handler.headers.get("Range", ""))
        current = handler.headers.get("If-Range") in (None, etag)
        if asked and file.ranges and current and file.status == 200:
            start = int(asked[1]) + file.shift
            if start >= len(file.data):
                handler.send_response(416)
                handler.send_header("Content-Range", f"bytes */{len(file.data)}")
                handler.send_header("Content-Length", "0")
                return handler.end_headers()
        body = file.data[start:]
        head = [f"HTTP/1.1 {206 if start else file.status} Said", f"Content-Type: {file.content_type}", "Connection: close"]
        if file.length:
            head.append(f"Content-Length: {len(body)}")
        if start:
            head.append(f"Content-Range: bytes {start}-{len(file.data) - 1}/{len(file.data)}")
        if file.etag:
            head.append(f"ETag: {etag}")
        head += [f"{name}: {value}" for name, value in file.headers.items()]
        self._send(handler, ("\r\n".join(head) + "\r\n\r\n").encode(), file.head_drip)
        drop = file.drop_after.pop(0) if file.drop_after else None
        body = body if drop is None else body[:drop]
        self.sent[handler.path] = self.sent.get(handler.path, 0) + len(body)
        return self._send(handler, body, file.drip, file.step)

    def _send(self, handler, data, pause, step=1):
        if not pause:
            handler.wfile.write(data)
            return handler.wfile.flush()
        for i in range(0, len(data), step):
            if self.done.is_set():
                return None
            handler.wfile.write(data[i : i + step])
            handler.wfile.flush()
            time.sleep(pause)
        return None
