"""Pictures that are bombs or lie about their size, made byte by byte: small files that ask for much memory, or much work."""

import struct
import zlib
from collections.abc import Iterator

from door import Door, Shot
from malformed import SEGMENT

SAID = (200, 413, 415, 422)
"""A picture that keeps within bounds may be segmented, whatever it says besides."""
REFUSED = (413, 415, 422)


def deflated(size: int) -> bytes:
    """So many zeros by zlib (RFC 1950), a thousandth of that: one block that stands for itself, again and again, and
    an end."""
    packer = zlib.compressobj(9, wbits=-15)
    block = packer.compress(bytes(1 << 20)) + packer.flush(zlib.Z_FULL_FLUSH)
    count = size >> 20
    adler = (count << 20) % 65_521 << 16 | 1
    return b"\x78\xda" + block * count + b"\3\0" + struct.pack(">I", adler)


def chunk(kind: bytes, data: bytes) -> bytes:
    """Of PNG (ISO/IEC 15948 §5.3)."""
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def png(width: int, height: int, data: bytes, bits: tuple[int, int] = (8, 0), more: bytes = b"") -> bytes:
    """With that data, whatever it is; bits and kind of colour."""
    head = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, *bits, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + head + more + chunk(b"IDAT", data) + chunk(b"IEND", b"")


def tiff(entries: list[tuple[int, int, int, int]], rest: bytes = b"", following: int = 0) -> bytes:
    """One directory (TIFF 6.0 §2): tag, type, count, value; and what follows it."""
    listed = b"".join(struct.pack("<HHII", *entry) for entry in entries)
    return b"II*\0" + struct.pack("<IH", 8, len(entries)) + listed + struct.pack("<I", following) + rest


def strip(width: int, height: int, data: bytes, compression: int = 1, strips: int = 1) -> bytes:
    """A TIFF of one grey strip, or of more by what it says."""
    at = 8 + 2 + 9 * 12 + 4
    entries = [(256, 4, 1, width), (257, 4, 1, height), (258, 3, 1, 8), (259, 3, 1, compression), (262, 3, 1, 1),
               (273, 4, strips, at), (277, 3, 1, 1), (278, 4, 1, height), (279, 4, strips, len(data))]  # fmt: skip
    return tiff(entries, data)


def bmp(width: int, height: int) -> bytes:
    """A head, and sixteen bytes."""
    return b"BM" + struct.pack("<IIIIiiHHIIiiII", 70, 0, 54, 40, width, height, 1, 24, 0, 0, 0, 0, 0, 0) + bytes(16)


def webp(width: int, height: int) -> bytes:
    """An extended one (RFC 9649 §2.7) whose canvas is that large, with a lossless picture of as much, cut."""
    canvas = bytes(4) + struct.pack("<I", width - 1)[:3] + struct.pack("<I", height - 1)[:3]
    lossless = b"\x2f" + struct.pack("<I", (min(width, 1 << 14) - 1) | (min(height, 1 << 14) - 1) << 14) + bytes(11)
    body = b"WEBP" + b"VP8X" + struct.pack("<I", 10) + canvas + b"VP8L" + struct.pack("<I", 16) + lossless
    return b"RIFF" + struct.pack("<I", len(body)) + body


def jpeg(width: int, height: int, scans: int) -> bytes:
    """Progressive grey (ITU-T T.81, annex G): one scan of means that are all the same, and then again and again one
    of 40 bytes in which nothing is in any block: a decoder that takes it has to go through all blocks each time."""
    frame = b"\xff\xc2" + struct.pack(">HBHHBBBB", 11, 8, height, width, 1, 1, 0x11, 0)
    steps = b"\xff\xdb" + struct.pack(">HB", 67, 0) + bytes([1]) * 64
    # One code of one bit in each table: no difference; and an end of 2^14 blocks (EOB14), whose 14 further bits are zeros.
    mean, end = (
        b"\xff\xc4" + struct.pack(">HB", 20, kind) + bytes([1, *[0] * 15, code]) for kind, code in ((0, 0), (16, 0xE0))
    )
    blocks = (width // 8) * (height // 8)
    first = b"\xff\xda" + struct.pack(">HBBBBBB", 8, 1, 1, 0, 0, 0, 0) + bytes(blocks // 8)
    nothing = b"\xff\xda" + struct.pack(">HBBBBBB", 8, 1, 1, 0, 1, 63, 0) + bytes(-(-15 * (blocks >> 14) // 8))
    return b"\xff\xd8" + steps + frame + mean + end + first + nothing * scans + b"\xff\xd9"


def element(tag: tuple[int, int], kind: bytes, value: bytes, length: int | None = None) -> bytes:
    """Of DICOM, explicit, little-endian (PS3.5 §7.1.2); the length may be another than the value's."""
    said = len(value) if length is None else length
    wide = kind in (b"OB", b"OW", b"SQ", b"UN", b"UT")
    size = struct.pack("<HI", 0, said) if wide else struct.pack("<H", said)
    return struct.pack("<HH", *tag) + kind + size + value


def meta(syntax: bytes) -> bytes:
    """What comes before a DICOM file's data (PS3.10 §7.1)."""
    said = element((2, 0x10), b"UI", syntax)
    return bytes(128) + b"DICM" + element((2, 0), b"UL", struct.pack("<I", len(said))) + said


def dicom(rows: int, columns: int, frames: int, more: bytes = b"", pixels: int | None = None) -> bytes:
    """A grey one of that size by what it says, with sixteen bytes of pixels."""
    said = [
        element((0x28, 2), b"US", struct.pack("<H", 1)), element((0x28, 4), b"CS", b"MONOCHROME2 "),
        element((0x28, 8), b"IS", f"{frames:<12}".encode()), element((0x28, 0x10), b"US", struct.pack("<H", rows)),
        element((0x28, 0x11), b"US", struct.pack("<H", columns)), element((0x28, 0x100), b"US", struct.pack("<H", 8)),
        element((0x28, 0x101), b"US", struct.pack("<H", 8)), element((0x28, 0x102), b"US", struct.pack("<H", 7)),
        element((0x28, 0x103), b"US", struct.pack("<H", 0)),
    ]  # fmt: skip
    data = element((0x7FE0, 0x10), b"OW", bytes(16), pixels)
    return meta(b"1.2.840.10008.1.2.1\0") + more + b"".join(said) + data


def nested(depth: int) -> bytes:
    """Sequences of DICOM in one another, of no length."""
    item = struct.pack("<HHI", 0xFFFE, 0xE000, 0xFFFFFFFF)
    return (element((0x8, 0x1140), b"SQ", b"", 0xFFFFFFFF) + item) * depth


def files() -> Iterator[tuple[str, bytes, tuple[int, ...]]]:
    """Each with what may be said of it."""
    yield "PNG of 30 000 x 30 000 zeros", png(30_000, 30_000, deflated(112 << 20), (1, 0)), REFUSED
    yield "PNG of 24 megapixels in 64 bits each", png(6000, 4000, deflated(184 << 20), (16, 6)), SAID
    yield "PNG whose 64 x 64 are 512 MB", png(64, 64, deflated(512 << 20)), SAID
    text = chunk(b"zTXt", b"Comment\0\0" + deflated(256 << 20))
    yield "PNG with 256 MB of text", png(64, 64, zlib.compress(bytes(65 * 64)), more=text), SAID
    colours = chunk(b"iCCP", b"profile\0\0" + deflated(256 << 20))
    yield "PNG with 256 MB of colours", png(64, 64, zlib.compress(bytes(65 * 64)), more=colours), SAID
    yield "PNG of 2^31 by 2^31", png(0x7FFFFFFF, 0x7FFFFFFF, b""), REFUSED
    yield "PNG in 100 000 pieces", png(64, 64, b"", more=chunk(b"IDAT", b"") * 100_000), REFUSED
    yield "TIFF of 30 000 x 30 000 in 16 bytes", strip(30_000, 30_000, bytes(16)), REFUSED
    yield "TIFF of 4000 x 4000 in 16 bytes", strip(4000, 4000, bytes(16)), REFUSED
    yield "TIFF whose strip is 512 MB", strip(64, 64, deflated(512 << 20), 8), SAID
    yield "TIFF that follows itself", tiff([(256, 4, 1, 64), (257, 4, 1, 64)], following=8), REFUSED
    yield "TIFF of 2^32 strips", strip(64, 64, bytes(16), strips=0xFFFFFFFF), REFUSED
    yield "BMP of 30 000 x 30 000", bmp(30_000, 30_000), REFUSED
    yield "BMP upside down without end", bmp(1, -(1 << 31)), REFUSED
    yield "WebP of 16 384 x 16 384", webp(1 << 14, 1 << 14), REFUSED
    yield "WebP whose canvas is 2^24 by 2^24", webp(1 << 24, 1 << 24), REFUSED
    yield "JPEG of 65 500 x 65 500", jpeg(65_500, 65_500, 1), REFUSED
    yield "JPEG of 20 000 scans of 16 megapixels", jpeg(4096, 4096, 20_000), REFUSED
    yield "GIF", b"GIF89a" + struct.pack("<HH", 65_535, 65_535) + bytes(20), REFUSED
    yield "DICOM of 65 535 x 65 535", dicom(65_535, 65_535, 1), REFUSED
    yield "DICOM of 2^31 frames", dicom(64, 64, (1 << 31) - 1), REFUSED
    yield "DICOM whose pixels are 4 GB by their length", dicom(512, 512, 1, pixels=0xFFFFFFF0), REFUSED
    packed = deflated(512 << 20)[2:-4]  # Without zlib's frame: PS3.5 §A.5.
    yield "DICOM of 512 MB in 512 kB", meta(b"1.2.840.10008.1.2.1.99") + packed, REFUSED
    yield "DICOM nested to a depth of 100 000", dicom(64, 64, 1, nested(100_000)), REFUSED


def bombs(door: Door) -> list[Shot]:
    """Each sent to be segmented."""
    kind = "Content-Type: application/octet-stream"
    return [Shot(name, door.request(SEGMENT, file, kind), may) for name, file, may in files()]
