"""Writes colour profiles, byte by byte."""

import struct

import numpy as np

D50 = (0.9642, 1.0, 0.8249)
ADOBE = ((0.60974, 0.31111, 0.01947), (0.20528, 0.62567, 0.06087), (0.14919, 0.06322, 0.74457))
SRGB = ((0.43607, 0.22249, 0.01392), (0.38515, 0.71687, 0.09708), (0.14307, 0.06061, 0.7141))
"""Primaries, adapted to D50."""


def profile_of(space, curve=None, primaries=()):
    """An ICC profile of version 2, written byte by byte; gamma 2.2 without a curve."""
    def fixed(values):
        return b"XYZ \0\0\0\0" + struct.pack(">3i", *(round(each * 65536) for each in values))

    table = struct.pack(">IH", 1, round(2.19921875 * 256)) if curve is None else \
        struct.pack(">I256H", 256, *np.rint(65535 * curve(np.arange(256.0))).astype(int))
    trc = b"curv\0\0\0\0" + table
    tags = [(b"desc", b"desc\0\0\0\0\0\0\0\2x\0" + bytes(78)), (b"cprt", b"text\0\0\0\0x\0"),
            (b"wtpt", fixed(D50))]
    if primaries:
        tags += [(b"rXYZ", fixed(primaries[0])), (b"gXYZ", fixed(primaries[1])),
                 (b"bXYZ", fixed(primaries[2])), (b"rTRC", trc), (b"gTRC", trc), (b"bTRC", trc)]
    else:
        tags.append((b"kTRC", trc))
    at, listed, body = 132 + 12 * len(tags), b"", b""
    for name, data in tags:
        data += bytes(-len(data) % 4)
        listed += name + struct.pack(">II", at + len(body), len(data))
        body += data
    head = struct.pack(">II4s4s4s4s12s4s", at + len(body), 0, b"\x02\x10\0\0", b"mntr", space,
                       b"XYZ ", bytes(12), b"acsp")
    head += bytes(28) + struct.pack(">3i", *(round(each * 65536) for each in D50)) + bytes(48)
    return head + struct.pack(">I", len(tags)) + listed + body
