#!/usr/bin/env python3
"""Takes OTLP over HTTP and throws it away: usage: collector.py PORT. It answers what a collector answers that has
taken everything, and nothing else; each connection is kept."""
import selectors
import socket
import sys

REPLY = b"HTTP/1.1 200 OK\r\nContent-Type: application/x-protobuf\r\nContent-Length: 0\r\n\r\n"


def take(data):
    """Removes whole requests from the front; how many there were."""
    count = 0
    while (end := data.find(b"\r\n\r\n")) >= 0:
        fields = dict(line.lower().split(b": ", 1) for line in bytes(data[:end]).split(b"\r\n")[1:])
        whole = end + 4 + int(fields.get(b"content-length", 0))
        if len(data) < whole:
            break
        del data[:whole]
        count += 1
    return count


listener = socket.create_server(("127.0.0.1", int(sys.argv[1])))
selector = selectors.DefaultSelector()
selector.register(listener, selectors.EVENT_READ)
waiting = {}
while True:
    for key, _ in selector.select():
        if key.fileobj is listener:
            connection, _ = listener.accept()
            waiting[connection] = bytearray()
            selector.register(connection, selectors.EVENT_READ)
            continue
        connection = key.fileobj
        more = connection.recv(1 << 20)
        if not more:
            selector.unregister(connection)
            waiting.pop(connection)
            connection.close()
            continue
        waiting[connection] += more
        for _ in range(take(waiting[connection])):
            connection.sendall(REPLY)
