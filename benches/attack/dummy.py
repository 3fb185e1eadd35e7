"""A server that does nothing: what attackers cost the machine without the program's own part in it."""

import contextlib
import socket
import socketserver
import ssl
import threading
from multiprocessing.connection import Connection
from pathlib import Path

PATIENCE = 10.0
"""Seconds for a head, as the program gives by default."""
REFUSAL = b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"


class Refuser(socketserver.ThreadingTCPServer):
    """Reads a head, refuses it and closes."""

    allow_reuse_address = daemon_threads = True
    request_queue_size = 128

    def __init__(self, tls: ssl.SSLContext | None) -> None:
        super().__init__(("127.0.0.1", 0), socketserver.BaseRequestHandler)
        self.tls = tls

    def finish_request(self, request: socket.socket | tuple[bytes, socket.socket], client_address: object) -> None:
        """One connection, in a thread of its own."""
        assert isinstance(request, socket.socket)
        request.settimeout(PATIENCE)
        with contextlib.suppress(OSError):
            sock = self.tls.wrap_socket(request, server_side=True) if self.tls else request
            data = b""
            while b"\r\n\r\n" not in data and len(data) < 1 << 16 and (more := sock.recv(1 << 16)):
                data += more
            sock.sendall(REFUSAL)
            sock.close()


def serve(ports: Connection, identity: Path) -> None:
    """Both doors, in a process of its own, until that is ended; tells their ports."""
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(identity)
    doors = [Refuser(None), Refuser(tls)]
    ports.send([door.server_address[1] for door in doors])
    for door in doors:
        threading.Thread(target=door.serve_forever, daemon=True).start()
    ports.recv()
