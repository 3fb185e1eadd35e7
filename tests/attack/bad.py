"""A server that does all that ours must not: what attackers say of it shows that they would notice."""

import socketserver
import threading
from contextlib import contextmanager

from door import Door

NOTICE = "Research use only. Not for clinical use."
TYPED = f'{{"type":"/problems/not-found","status":404,"notice":"{NOTICE}"}}'


def reply(status: int, body: str, kind: str = "application/problem+json") -> bytes:
    return f"HTTP/1.1 {status} X\r\nContent-Type: {kind}\r\nContent-Length: {len(body)}\r\n\r\n{body}".encode()


class Handler(socketserver.BaseRequestHandler):
    """Reads all that an attacker sends and gives the server's one answer."""

    def handle(self):
        data = b""
        while b"Connection: close" not in data and (more := self.request.recv(1 << 16)):
            data += more
        self.server.answer(self.request, data)


def smuggles(sock, data):
    """Takes every head for a request, in whatever body it is."""
    for line in data.split(b"\r\n"):
        if line.startswith((b"GET", b"POST")):
            sock.sendall(reply(404, TYPED.replace("not-found", f"not-found{line.split()[1].decode()}")))


def fails(sock, _):
    sock.sendall(reply(500, TYPED))


def mumbles(sock, _):
    sock.sendall(reply(400, "no", "text/plain"))


def goes_on(sock, _):
    """Refuses, and takes what follows for a request."""
    sock.sendall(reply(400, TYPED) + reply(200, '{"status":"live"}', "application/json"))


def forgives(sock, _):
    sock.sendall(reply(200, "{}", "application/json"))


def hangs(sock, _):
    sock.sendall(reply(400, TYPED))
    sock.recv(1)


def vanishes(sock, _):
    sock.close()


def refuses(sock, _):
    """As it should."""
    sock.sendall(reply(400, TYPED))


@contextmanager
def serving(answer):
    """The door of a server that answers everything so."""
    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Handler) as server:
        server.daemon_threads, server.answer = True, answer
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield Door(server.server_address[1])
        server.shutdown()
