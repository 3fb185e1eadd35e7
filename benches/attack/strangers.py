"""Who comes from elsewhere without being asked: guesses of tokens, TLS of long ago, TLS that is none."""

import os
import shutil
import socket
import ssl
import struct
import subprocess
import threading
import warnings
from collections import Counter

from door import PATIENCE, Door, Seen, Target, hear, send
from malformed import SEGMENT

GUESSES = 30
"""More than a minute allows, by default ten."""
WEAK = {
    "TLS 1.0": ("ALL:@SECLEVEL=0", ssl.TLSVersion.TLSv1),
    "TLS 1.1": ("ALL:@SECLEVEL=0", ssl.TLSVersion.TLSv1_1),
    "no encryption": ("eNULL:@SECLEVEL=0", ssl.TLSVersion.TLSv1_2),
    "nobody's certificate": ("aNULL:@SECLEVEL=0", ssl.TLSVersion.TLSv1_2),
    "no forward secrecy": ("kRSA:@SECLEVEL=0", ssl.TLSVersion.TLSv1_2),
    "CBC": ("ECDHE+AES+SHA1:ECDHE+AES+SHA256:@SECLEVEL=0", ssl.TLSVersion.TLSv1_2),
}
"""What is offered, and nothing else."""
ALERT = 21
"""The one kind of record that may come before a handshake is done with (RFC 8446 §5.1)."""
HELLO = bytes([3, 3]) + bytes(32) + bytes([0, 0, 2, 0x2F, 0x00, 1, 0])
"""A ClientHello of TLS 1.2 without extensions, and its one suite is weak."""


def handshake(body: bytes, version: int = 0x0301, kind: int = 22) -> bytes:
    """In one record (RFC 8446 §5.1)."""
    message = b"\1" + struct.pack(">I", len(body))[1:] + body if kind == 22 else body
    return struct.pack(">BHH", kind, version, len(message)) + message


RAW = {
    "SSL 2.0": b"\x80\x2e\x01\x00\x02\x00\x15\x00\x00\x00\x10" + bytes(37),
    "SSL 3.0": handshake(b"\3\0" + HELLO[2:], 0x0300),
    "a weak suite alone": handshake(HELLO),
    "a record of 64 kB": struct.pack(">BHH", 22, 0x0301, 0xFFFF) + bytes(70_000),
    "a handshake of 16 MB": struct.pack(">BHH", 22, 0x0301, 16_000) + b"\1\xff\xff\xff" + bytes(16_000),
    "a heartbeat": handshake(b"\1\x40\0", 0x0302, 24),
    "a thousand changes of cipher": handshake(b"\1", 0x0303, 20) * 1000,
    "words before the handshake": handshake(b"GET /v1/info HTTP/1.1\r\n\r\n", 0x0303, 23),
    "HTTP": b"GET /v1/info HTTP/1.1\r\nHost: localhost\r\n\r\n",
    "nothing of sense": os.urandom(500),
}
"""Written as it is into the far door."""


def plain(port: int) -> socket.socket:
    """A connection to the far door, without TLS."""
    return Door(port).open()


def downgrade(target: Target) -> Seen:
    """Nobody gets further than an alert."""
    seen = Seen()
    for name, (suites, version) in WEAK.items():
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        try:
            context.set_ciphers(suites)
            with warnings.catch_warnings():
                # That these are old is the point.
                warnings.simplefilter("ignore", DeprecationWarning)
                context.minimum_version = context.maximum_version = version
        except ssl.SSLError:
            seen.saw["not offered by this OpenSSL"] += 1
            continue
        seen.sent += 1
        try:
            with plain(target.far.port) as sock, context.wrap_socket(sock) as spoken:
                seen.faults.append(f"{name}: {spoken.cipher()} is spoken")
        except OSError:
            seen.saw["no TLS"] += 1
    for name, data in RAW.items():
        with plain(target.far.port) as sock:
            send(sock, data)
            heard = hear(sock, target.limits.header + PATIENCE)
        seen.sent += 1
        seen.expect(heard.ended, f"{name}: still open after {heard.seconds:.0f} s")
        seen.expect(heard.data[:1] in (b"", bytes([ALERT])), f"{name}: {heard.data[:80]!r}")
        seen.saw["alert" if heard.data else "closed"] += 1
    return seen


def stalled(target: Target) -> Seen:
    """Handshakes that stop: at nothing, in a record's head, in the hello. The near door serves meanwhile, and all
    are ended."""
    seen = Seen()
    starts = [b"", b"\x16", b"\x16\x03\x01\x02\x00", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"]
    socks = [plain(target.far.port) for _ in range(20)]
    for number, sock in enumerate(socks):
        send(sock, starts[number % len(starts)])
    seen.expect(target.near.ask("GET /health/live").status == 200, "the near door does not serve")
    for sock in socks:
        with sock:
            heard = hear(sock, target.limits.header + PATIENCE)
        seen.expect(heard.ended, f"still open after {heard.seconds:.0f} s")
        seen.saw["closed"] += heard.ended
    seen.sent = len(socks)
    return seen


def renegotiation(target: Target) -> Seen:
    """A client that wants to begin anew within TLS 1.2, by OpenSSL's program, which alone can: refused, and ended."""
    openssl = shutil.which("openssl")
    if not openssl:
        return Seen(saw=Counter({"NOT RUN (openssl is not here)": 1}))
    connect = [openssl, "s_client", "-connect", f"127.0.0.1:{target.far.port}", "-tls1_2", "-no_ign_eof"]
    seen, said = Seen(sent=1), ""
    with subprocess.Popen(
        connect, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as run:
        assert run.stdin and run.stdout
        # Ends the reading below, should nothing else.
        late = threading.Timer(target.limits.idle + PATIENCE, run.kill)
        late.start()
        for line in run.stdout:
            said += line
            if line.startswith("    Verify return code"):
                # The handshake is done. A line that is an R alone has it ask for another one.
                run.stdin.write("R\n")
                run.stdin.flush()
        late.cancel()
    seen.expect(run.returncode != -9, "the connection is open after a renegotiation was asked for")
    seen.expect("RENEGOTIATING" in said, f"openssl did not ask for it: {said[-300:]!r}")
    seen.expect("renegotiation" in said.split("RENEGOTIATING")[-1], f"it was not refused: {said[-300:]!r}")
    seen.saw["refused"] += 1
    return seen


def guesses(target: Target) -> Seen:
    """Tokens by chance: told to wait soon, while who has a good one from the same address is let in."""
    seen, door = Seen(), target.stranger
    wrong = ["Authorization: Bearer espm_" + os.urandom(32).hex() for _ in range(GUESSES)]
    wrong += [
        "Authorization: Bearer " + "a" * 20_000,
        "Authorization: Basic YWRtaW46YWRtaW4=",
        "Authorization: Bearer \xff",
    ]
    wrong += [
        "Cookie: __Host-espmedsam=espm_" + os.urandom(32).hex(),
        "Cookie: " + "; ".join(["__Host-espmedsam=a"] * 500),
    ]
    for line in wrong:
        reply = door.ask("GET /v1/info", b"", line)
        seen.reply(reply)
        seen.expect(reply.status in (401, 429), f"{reply.status} to a guess")
    seen.expect(seen.saw["429"] >= GUESSES // 2, f"only {seen.saw['429']} of {len(wrong)} guesses were held back")
    for body in (b"token=espm_x", b"token=" + b"a" * 100_000, b"", b"\xff" * 100):
        reply = door.ask("POST /login", body, "Content-Type: application/x-www-form-urlencoded")
        seen.saw[str(reply.status)] += 1
        seen.expect(400 <= reply.status < 500 and "set-cookie" not in reply.fields, f"{reply.status} to a wrong log-in")
    good = target.far.ask("GET /v1/info")
    seen.expect(good.status == 200, f"{good.status} to a good token")
    steered = target.far.ask("POST /v1/live/freeze")
    seen.expect(steered.status == 403, f"{steered.status} to who may look and segment, and would steer")
    seen.sent = len(wrong) + 6
    return seen


def uploads(target: Target) -> Seen:
    """Who is nobody sends 15 MB: refused, and not for long read."""
    seen = Seen(sent=4)
    for _ in range(4):
        with target.stranger.open() as sock:
            send(
                sock, target.stranger.request(SEGMENT, bytes(15 << 20), "Content-Type: image/png", "Connection: close")
            )
            heard = hear(sock, target.limits.idle + PATIENCE)
        seen.expect(heard.ended, f"still open after {heard.seconds:.0f} s")
        for reply in heard.replies():
            seen.reply(reply)
            seen.expect(reply.status in (401, 429), f"{reply.status} to a stranger's picture")
    return seen
