"""Claims about hostile input: the right picture or a refusal, never a 500 nor a grown server."""

import io
import random
import socket
import struct
import time
import zlib
from contextlib import suppress

import numpy as np
import pytest
from PIL import Image
from serving_process import BODY_SECONDS, assert_refused

from keras_colorize import media
from keras_colorize.cartoon import episode
from keras_colorize.image import line_lock, pixels


@pytest.fixture
def server(hostile_server):
    return hostile_server


def stored(form: str, picture: np.ndarray | Image.Image | None = None, **options) -> bytes:
    """A picture as a file by Pillow."""
    if picture is None:
        picture = pixels.gray(episode.draw_frame(0))[100:164, 200:300]
    image = picture if isinstance(picture, Image.Image) else Image.fromarray(picture)
    file = io.BytesIO()
    image.save(file, form, **options)
    return file.getvalue()


def mutations(file: bytes, count: int, seed: int):
    """Damaged copies: bytes changed, cut out, doubled, and the end cut off."""
    chance = random.Random(seed)
    for _ in range(count):
        damaged = bytearray(file)
        for _ in range(chance.choice((1, 1, 2, 5, 30))):
            place = chance.randrange(len(damaged) or 1)
            kind = chance.randrange(6)
            if kind == 0:
                del damaged[place:]
            elif kind == 1:
                del damaged[place:place + chance.randrange(1, 40)]
            elif kind == 2:
                damaged[place:place] = damaged[place:place + chance.randrange(1, 40)]
            elif kind == 3:
                damaged[place:place + 4] = struct.pack(">I", chance.choice(
                    (0, 1, 0x7FFFFFFF, 0xFFFFFFFF, chance.getrandbits(32))))
            else:
                damaged[place:place + 1] = bytes([chance.randrange(256)])
        yield with_checksums(bytes(damaged)) if chance.random() < 0.5 else bytes(damaged)


def with_checksums(file: bytes) -> bytes:
    """A damaged PNG whose chunks' checksums are right again, so that the damage goes deeper."""
    if not file.startswith(b"\x89PNG"):
        return file
    mended, place = bytearray(file), 8
    while place + 12 <= len(mended):
        length = int.from_bytes(mended[place:place + 4], "big")
        end = place + 8 + length
        if end + 4 > len(mended):
            break
        mended[end:end + 4] = struct.pack(">I", zlib.crc32(mended[place + 4:end]))
        place = end + 4
    return bytes(mended)


def assert_picture_or_refused(answer) -> None:
    if answer.status_code == 200:
        picture = media.picture_of(answer.content, "it")
        assert picture is not None and picture.ndim == 3
    else:
        assert_refused(answer)


def fuzz(server, count: int) -> None:
    """Sends damaged files of each kind, and sees that memory is as it was."""
    noise = np.random.default_rng(0).integers(0, 256, (64, 100, 3), np.uint8)
    kinds = [stored("PNG"), stored("PNG", noise), stored("JPEG", noise, quality=80),
             stored("JPEG", noise, progressive=True), stored("GIF"), stored("WEBP", noise),
             stored("TIFF", noise, compression="tiff_lzw"), stored("BMP")]
    held = []
    for number, file in enumerate(kinds):
        for damaged in mutations(file, count // len(kinds), number):
            assert_picture_or_refused(server.colored(damaged))
        held.append(server.memory)
    assert held[-1] - held[1] < 150e6, held


def test_damaged_pictures_are_coloured_or_refused(server):
    fuzz(server, 80)


@pytest.mark.slow
def test_a_thousand_damaged_pictures_are_coloured_or_refused(server):
    fuzz(server, 1000)


@pytest.mark.parametrize("size", [(1, 1), (20000, 1), (1, 20000), (37, 61)])
def test_odd_sizes_keep_their_size_and_luminance(server, size):
    picture = np.random.default_rng(1).integers(0, 256, size, np.uint8)
    colored = media.picture_of(server.colored(stored("PNG", picture)).content, "it")
    assert colored.shape == (*size, 3)
    assert line_lock.largest_change(picture, colored) <= 1


def test_kinds_of_pictures_are_shown_as_they_are(server):
    gray = pixels.gray(episode.draw_frame(0))[:90, :120]
    deep = Image.fromarray(gray.astype(np.uint16) * 257)
    frame = Image.fromarray(gray)
    kinds = {"16 bits": stored("PNG", deep), "CMYK": stored("JPEG", Image.fromarray(gray).convert(
                 "RGB").convert("CMYK"), quality=98),
             "palette": stored("PNG", frame.convert("P")), "TIFF": stored("TIFF", gray),
             "WebP": stored("WEBP", frame.convert("RGB"), lossless=True),
             "BMP": stored("BMP", gray)}
    for kind, file in kinds.items():
        colored = media.picture_of(server.colored(file).content, "it")
        assert np.abs(pixels.gray(colored).astype(int) - gray).mean() < 2, kind


def test_a_picture_is_turned_as_its_exif_says(server):
    gray = pixels.gray(episode.draw_frame(0))[:90, :120]
    exif = Image.Exif()
    exif[0x0112] = 6  # of a camera held upright
    for form in ("PNG", "JPEG"):
        colored = media.picture_of(server.colored(stored(form, gray, exif=exif)).content, "it")
        wanted = np.rot90(gray, -1)
        assert colored.shape[:2] == wanted.shape
        assert np.abs(pixels.gray(colored).astype(int) - wanted).mean() < 2


def test_too_many_pixels_are_refused_by_the_headers_of_their_files(server):
    bombs = [bomb(30000, 30000), bomb(1001, 1000),
             stored("TIFF", np.zeros((3000, 3000), np.uint8), compression="tiff_lzw"),
             stored("GIF", np.zeros((3000, 3000), np.uint8))]
    held = server.memory
    for file in bombs:
        assert_refused(server.colored(file), 413, "pixels")
    assert server.memory - held < 50e6


def bomb(height: int, width: int) -> bytes:
    """A PNG of few bytes and many pixels."""
    def chunk(kind: bytes, content: bytes) -> bytes:
        return (struct.pack(">I", len(content)) + kind + content
                + struct.pack(">I", zlib.crc32(kind + content)))

    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    rows = zlib.compress(bytes(min(height, 2000) * (width + 1)), 9)
    return (b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", rows)
            + chunk(b"IEND", b""))


def test_a_picture_of_endless_scans_is_refused(server):
    file = stored("JPEG", progressive=True)
    scan = file[file.rindex(b"\xff\xda"):-2]
    assert_refused(server.colored(file[:-2] + scan * 600 + file[-2:]), 413, "scans")


@pytest.mark.parametrize("file", [
    b"\0" * 1000, b"<svg xmlns='http://www.w3.org/2000/svg' width='9' height='9'/>",
    b"%!PS-Adobe-3.0 EPSF-3.0\n", b"PK\x03\x04" + bytes(50), b"../../etc/passwd", b"%PDF-1.7\n",
    b"RIFF\0\0\0\0WAVE", b"file:///etc/passwd"])
def test_what_is_no_picture_is_refused(server, file):
    assert_refused(server.colored(file), 415, "is none of PNG, JPEG, WEBP, GIF, BMP, AVIF, "
                                              "TIFF, JPEG2000")


@pytest.mark.parametrize("file", [
    b"\x89PNG and no more", b"\xff\xd8\xff", b"GIF89a", b"BM", b"II*\0", b"RIFF\0\0\0\0WEBPVP8 "])
def test_a_damaged_picture_is_refused(server, file):
    assert_refused(server.colored(file), 422, "the picture: cannot be read as a picture")


def test_a_picture_of_several_is_refused(server):
    gray = pixels.gray(episode.draw_frame(0))[:90, :120]
    frames = [Image.fromarray(gray), Image.fromarray(255 - gray)]
    for form in ("GIF", "WEBP", "TIFF"):
        file = stored(form, frames[0].convert("RGB"), save_all=True, append_images=frames[1:])
        assert_refused(server.colored(file), 422, "holds 2 pictures")


def test_more_than_a_request_may_have_is_refused(server):
    assert_refused(server.colored(b" " * 32_000_001), 413, "larger than 32,000,000 bytes")

    def endless():
        while True:
            yield b" " * 100_000

    begun = time.monotonic()
    assert_refused(server.colored(endless()), 413, "larger than")
    assert_refused(server.colored(endless(), headers={"Host": "evil.example"}), 400)
    assert_refused(server.colored(endless(), params={"lock": "x"}), 400)
    assert time.monotonic() - begun < 60  # each was hung up on


def test_damaged_forms_are_refused(server):
    boundary = b"--x\r\n"
    part = b'Content-Disposition: form-data; name="image"; filename="a.png"\r\n\r\n'
    whole = boundary + part + stored("PNG") + b"\r\n--x--\r\n"
    for number, form in enumerate((whole, boundary + part, boundary, part, whole[:-20], b"")):
        for damaged in mutations(form, 10, number) if form else [form]:
            assert_picture_or_refused(server.colored(damaged, headers={
                "Content-Type": "multipart/form-data; boundary=x"}))
    many = b"".join(boundary + b'Content-Disposition: form-data; name="a"\r\n\r\nb\r\n'
                    for _ in range(2000)) + b"--x--\r\n"
    assert_refused(server.colored(many, headers={
        "Content-Type": "multipart/form-data; boundary=x"}), 400)


def test_slow_and_broken_clients_are_cut_off_and_cost_no_one_else(server):
    begins = (b"", b"POST /colo", b"POST /colorize HTTP/1.1\r\n"
              b"Host: localhost\r\nContent-Length: 1000\r\n\r\n\x89PNG")
    clients = [socket.create_connection(server.address) for _ in range(30)]
    for number, client in enumerate(clients):
        client.sendall(begins[number % len(begins)])
    begun = time.monotonic()
    assert server.colored(stored("PNG")).status_code == 200
    assert time.monotonic() - begun < BODY_SECONDS
    for number, client in enumerate(clients):
        client.settimeout(BODY_SECONDS + 10)
        if number % 3 == 2:  # whose requests have begun
            received = b""
            with suppress(ConnectionResetError):
                while more := client.recv(4096):
                    received += more
            assert received.startswith(b"HTTP/1.1 408 ")
        client.close()
    assert time.monotonic() - begun < BODY_SECONDS + 15
    for gibberish in (b"\x16\x03\x01" + bytes(200), b"GET / HTTP/9.9\r\n\r\n", b"A" * 100_000):
        with socket.create_connection(server.address) as client:
            client.sendall(gibberish)
            client.settimeout(10)
            with suppress(ConnectionResetError):
                assert client.recv(100).startswith(b"HTTP/1.1 4")
