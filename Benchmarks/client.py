"""A small HTTP/1.1 client on one kept connection: it costs some 20 µs a request, whatever the server."""
import json
import os
import socket


class Failed(Exception):
    pass


class Client:
    """One connection to a server on the loopback interface."""

    def __init__(self, port):
        self.port = port
        self._connect()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.socket.close()

    def request(self, method, path, body=b"", headers=""):
        """The body of the reply; raises when the status says that it failed."""
        self._send_head(method, path, len(body), headers, body)
        length = self._head(method, path)
        return b"".join(self._chunks()) if length is None else bytes(self._take(length))

    def post(self, path, value):
        return self.request("POST", path, json.dumps(value).encode(), "Content-Type: application/json\r\n")

    def put(self, path, value):
        return self.request("PUT", path, json.dumps(value).encode(), "Content-Type: application/json\r\n")

    def upload(self, path, file, headers):
        """PUTs a file by sendfile(2), so that the client's own work is next to nothing."""
        size = os.fstat(file.fileno()).st_size
        self._send_head("PUT", path, size, headers)
        sent = 0
        while sent < size:
            sent += os.sendfile(self.socket.fileno(), file.fileno(), sent, min(size - sent, 1 << 24))
        length = self._head("PUT", path)
        self._take(length or 0)

    def download(self, path, headers, sink=None):
        """PUTs nothing and takes a body of any length, which goes to the file `sink` or nowhere; its length."""
        self._send_head("PUT", path, 0, headers)
        length = self._head("PUT", path)
        count = 0
        for piece in self._chunks() if length is None else [self._take(length)]:
            count += len(piece)
            if sink:
                sink.write(piece)
        return count

    def _connect(self):
        self.socket = socket.create_connection(("127.0.0.1", self.port))
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.buffer = bytearray()

    def _send_head(self, method, path, length, headers, body=b""):
        try:
            # A server may close a connection on which nothing is asked for a while.
            if self.socket.recv(1, socket.MSG_PEEK | socket.MSG_DONTWAIT) == b"":
                self.socket.close()
                self._connect()
        except BlockingIOError:
            pass
        head = f"{method} {path} HTTP/1.1\r\nHost: localhost\r\n{headers}Content-Length: {length}\r\n\r\n"
        self.socket.sendall(head.encode() + body)

    def _head(self, method, path):
        """Reads the reply's head: the length of its body, None when it is chunked."""
        while (end := self.buffer.find(b"\r\n\r\n")) < 0:
            self._fill()
        lines = self.buffer[:end].decode("latin-1").split("\r\n")
        del self.buffer[:end + 4]
        fields = dict(line.lower().split(": ", 1) for line in lines[1:])
        length = None if fields.get("transfer-encoding") == "chunked" else int(fields.get("content-length", 0))
        status = int(lines[0].split()[1])
        if status >= 300:
            body = b"".join(self._chunks()) if length is None else self._take(length)
            raise Failed(f"{method} {path}: {status} {body.decode(errors='replace').strip()}")
        return length

    def _chunks(self):
        """The pieces of a chunked body."""
        while True:
            while (end := self.buffer.find(b"\r\n")) < 0:
                self._fill()
            size = int(self.buffer[:end], 16)
            del self.buffer[:end + 2]
            piece = self._take(size + 2)[:size]
            if size == 0:
                return
            yield piece

    def _take(self, count):
        if len(self.buffer) >= count:
            piece = self.buffer[:count]
            del self.buffer[:count]
            return piece
        piece = bytearray(count)
        have = len(self.buffer)
        piece[:have] = self.buffer
        self.buffer.clear()
        view = memoryview(piece)
        while have < count:
            got = self.socket.recv_into(view[have:])
            if got == 0:
                raise Failed("the connection was closed within a body")
            have += got
        return piece

    def _fill(self):
        more = self.socket.recv(1 << 18)
        if not more:
            raise Failed("the connection was closed")
        self.buffer += more
