"""Writes the strange and the bad files that people have; each writer returns what is to be seen.

A writer takes the path of the file and returns the expected pictures, uint8 RGB [h, w, 3], one for
each frame or page in order; those of the bad files return nothing.
"""

import io
import struct
import zipfile
import zlib
from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np
import pypdfium2 as pdfium
from av.stream import Disposition
from PIL import ExifTags, Image

SIZE = (64, 96)
FRAMES = 12
TIMES = (0.0, 0.1, 0.15, 0.4, 0.5, 1.0, 1.04, 1.3, 1.5, 1.8, 2.0, 2.5)
DURATIONS = (40, 80, 200, 40)  # milliseconds, of the frames of an animated picture
DECLARED = 300 * 2**20  # bytes that an entry of an archive bomb declares

RED, GREEN, BLUE, SAND = (220, 30, 40), (30, 180, 60), (40, 50, 210), (230, 200, 120)


def scene(number: int = 0, size: tuple[int, int] = SIZE) -> np.ndarray:
    """Four quarters of different colours, and below a gray block that moves with `number`."""
    height, width = size
    picture = np.empty((height, width, 3), np.uint8)
    picture[:height // 2, :width // 2], picture[:height // 2, width // 2:] = RED, GREEN
    picture[height // 2:, :width // 2], picture[height // 2:, width // 2:] = BLUE, SAND
    left = 8 * number % (width - 16)
    picture[-16:, left:left + 16] = 100
    return picture


def scenes(count: int = FRAMES, size: tuple[int, int] = SIZE) -> list[np.ndarray]:
    """That many different scenes."""
    return [scene(number, size) for number in range(count)]


def _encode(path: Path, pictures: Sequence[np.ndarray], codec: str = "libx264",
            pix_fmt: str = "yuv420p", times: Sequence[float] = (), matrix: str | None = None,
            tag: int | None = None, options: dict[str, str] | None = None) -> None:
    """One stream; `matrix` makes its YUV, `tag` is the colour space that it claims."""
    form = "rgb24" if pictures[0].shape[2] == 3 else "rgba"
    with av.open(str(path), "w") as container:
        stream = container.add_stream(codec, rate=24, options={"crf": "8"} | (options or {}))
        stream.height, stream.width = pictures[0].shape[:2]
        stream.pix_fmt = pix_fmt
        if tag is not None:
            stream.codec_context.colorspace = tag
        if times:
            stream.codec_context.time_base = Fraction(1, 1000)
        for number, picture in enumerate(pictures):
            frame = av.VideoFrame.from_ndarray(picture, form)
            if matrix:
                frame = frame.reformat(format=pix_fmt, dst_colorspace=matrix)
            if times:
                frame.pts, frame.time_base = round(1000 * times[number]), Fraction(1, 1000)
            container.mux(stream.encode(frame))
        container.mux(stream.encode())


def write_resized_ts(path: Path, *sizes: tuple[int, int], **others: object) -> list[np.ndarray]:
    """Scenes of one size after those of another, as of a broadcast."""
    parts = []
    for size in sizes:
        _encode(path, scenes(size=size), **others)
        parts.append(path.read_bytes())
    path.write_bytes(b"".join(parts))
    return [picture for size in sizes for picture in scenes(size=size)]


def write_vfr_mp4(path: Path) -> list[np.ndarray]:
    """Frames at `TIMES`."""
    _encode(path, scenes(), times=TIMES)
    return scenes()


def write_vp9_webm(path: Path) -> list[np.ndarray]:
    """VP9, which declares no number of frames."""
    _encode(path, scenes(), "libvpx-vp9", options={"deadline": "realtime", "cpu-used": "8"})
    return scenes()


def write_ten_bit_mkv(path: Path) -> list[np.ndarray]:
    """Ten bits a channel."""
    _encode(path, scenes(), pix_fmt="yuv420p10le")
    return scenes()


def write_odd_mkv(path: Path) -> list[np.ndarray]:
    """63 lines of 95 pixels, though chroma comes in pairs."""
    _encode(path, scenes(size=(63, 95)), "ffv1")
    return scenes(size=(63, 95))


def write_full_range_mp4(path: Path) -> list[np.ndarray]:
    """Luma from 0 to 255, flagged so."""
    _encode(path, scenes(), pix_fmt="yuvj420p")
    return scenes()


def write_bt709_mp4(path: Path) -> list[np.ndarray]:
    """Low definition in BT.709, tagged so."""
    _encode(path, scenes(), matrix="ITU709", tag=1)
    return scenes()


def write_untagged_hd_mp4(path: Path) -> list[np.ndarray]:
    """720 lines in BT.709, untagged, as most episodes are."""
    pictures = scenes(2, (720, 1280))
    _encode(path, pictures, matrix="ITU709", options={"preset": "ultrafast"})
    return pictures


def write_bt601_hd_mp4(path: Path) -> list[np.ndarray]:
    """720 lines in BT.601, tagged so."""
    pictures = scenes(2, (720, 1280))
    _encode(path, pictures, matrix="ITU601", tag=6, options={"preset": "ultrafast"})
    return pictures


def write_two_streams_mkv(path: Path) -> list[np.ndarray]:
    """A long gray stream, then a short one that is the default."""
    gray = [np.full((*SIZE, 3), 128, np.uint8)] * 120
    with av.open(str(path), "w") as container:
        streams = [container.add_stream("libx264", rate=24, options={"crf": "8"}) for _ in "ab"]
        for stream in streams:
            stream.height, stream.width, stream.pix_fmt = *SIZE, "yuv420p"
        streams[1].disposition = Disposition.default
        for stream, pictures in zip(streams, (gray, scenes()), strict=True):
            for picture in pictures:
                container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, "rgb24")))
            container.mux(stream.encode())
    return scenes()


def write_covered_mkv(path: Path) -> list[np.ndarray]:
    """A video with cover art larger than itself."""
    with av.open(str(path), "w") as container:
        container.add_attachment("cover.jpg", "image/jpeg", _jpeg(scene(0, (600, 800))))
        stream = container.add_stream("libx264", rate=24, options={"crf": "8"})
        stream.height, stream.width, stream.pix_fmt = *SIZE, "yuv420p"
        for picture in scenes():
            container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, "rgb24")))
        container.mux(stream.encode())
    return scenes()


def write_rotated_mp4(path: Path, clockwise: int = 90) -> list[np.ndarray]:
    """As a phone stores it that was held upright: to be turned clockwise for showing."""
    _encode(path, scenes())
    file = bytearray(path.read_bytes())
    matrix = file.index(b"tkhd") + 44  # of a version 0 box
    a, b, c, d = {90: (0, 1, -1, 0), 180: (-1, 0, 0, -1), 270: (0, -1, 1, 0)}[clockwise]
    one = 1 << 16
    file[matrix:matrix + 36] = struct.pack(">9i", a * one, b * one, 0, c * one, d * one, 0, 0, 0,
                                           1 << 30)
    path.write_bytes(file)
    return [np.ascontiguousarray(np.rot90(picture, -clockwise // 90)) for picture in scenes()]


def write_interlaced_mp4(path: Path) -> list[np.ndarray]:
    """Half pictures of two moments woven into each frame; returned is what is woven."""
    def bar(left: int) -> np.ndarray:
        picture = np.full((*SIZE, 3), 40, np.uint8)
        picture[:, left:left + 20] = 220
        return picture

    frames = [bar(6 * number) for number in range(FRAMES)]
    for number, frame in enumerate(frames):
        frame[1::2] = bar(6 * number + 4)[1::2]
    _encode(path, frames, options={"flags": "+ildct+ilme", "x264-params": "tff=1"})
    return frames


def write_alpha_mkv(path: Path) -> list[np.ndarray]:
    """RGB with alpha: its left half is opaque, then half transparent, then not to be seen."""
    return _write_alpha(path, "ffv1", "bgra")


def write_yuv_alpha_mkv(path: Path) -> list[np.ndarray]:
    """The same in YUV."""
    return _write_alpha(path, "ffv1", "yuva420p")


def _write_alpha(path: Path, codec: str, pix_fmt: str) -> list[np.ndarray]:
    alpha = np.repeat(np.array([255, 255, 128, 0], np.uint8), SIZE[1] // 4)
    alpha = np.broadcast_to(alpha, SIZE)[..., np.newaxis]
    _encode(path, [np.dstack([picture, alpha]) for picture in scenes()], codec, pix_fmt)
    share = alpha / 255
    return [np.rint(picture * share + 255 * (1 - share)).astype(np.uint8) for picture in scenes()]


def write_animated_gif(path: Path) -> list[np.ndarray]:
    """Frames that last `DURATIONS`, their middle transparent."""
    return _write_animation(path, disposal=2)


def write_animated_webp(path: Path) -> list[np.ndarray]:
    """The same as WebP, without loss."""
    return _write_animation(path, lossless=True)


def _write_animation(path: Path, **options: object) -> list[np.ndarray]:
    alpha = np.full(SIZE, 255, np.uint8)
    alpha[20:40, 30:60] = 0
    frames = [Image.fromarray(np.dstack([picture, alpha])) for picture in scenes(len(DURATIONS))]
    frames[0].save(path, save_all=True, append_images=frames[1:], duration=list(DURATIONS),
                   loop=0, **options)
    return [np.where(alpha[..., np.newaxis], picture, np.uint8(255))
            for picture in scenes(len(DURATIONS))]


VIDEOS = {
    "variable_rate.mp4": write_vfr_mp4, "vp9.webm": write_vp9_webm,
    "ten_bit.mkv": write_ten_bit_mkv, "odd.mkv": write_odd_mkv,
    "full_range.mp4": write_full_range_mp4, "bt709.mp4": write_bt709_mp4,
    "untagged_hd.mp4": write_untagged_hd_mp4, "bt601_hd.mp4": write_bt601_hd_mp4,
    "two_streams.mkv": write_two_streams_mkv, "covered.mkv": write_covered_mkv,
    "rotated.mp4": write_rotated_mp4, "alpha.mkv": write_alpha_mkv,
    "yuv_alpha.mkv": write_yuv_alpha_mkv, "moving.gif": write_animated_gif,
    "moving.webp": write_animated_webp,
}
"""Videos that are to be read, each pixel within a few values of what its writer returns."""


def ramp() -> np.ndarray:
    """uint16 [64, 96] from 0 to 65535."""
    return np.linspace(0, 65535, SIZE[0] * SIZE[1]).astype(np.uint16).reshape(SIZE)


def write_gray16(path: Path) -> list[np.ndarray]:
    """16 bits of gray in the format of the suffix."""
    path.write_bytes(cv2.imencode(path.suffix, ramp())[1].tobytes())
    return [cv2.cvtColor(np.rint(ramp() / 257).astype(np.uint8), cv2.COLOR_GRAY2RGB)]


def write_rgb16(path: Path) -> list[np.ndarray]:
    """Three times 16 bits in the format of the suffix."""
    color = np.dstack([ramp(), ramp()[::-1], ramp()[:, ::-1]])
    path.write_bytes(cv2.imencode(path.suffix, color[..., ::-1])[1].tobytes())
    return [np.rint(color / 257).astype(np.uint8)]


def write_cmyk_jpeg(path: Path) -> list[np.ndarray]:
    """Four inks, stored inverted as Adobe does."""
    Image.fromarray(scene()).convert("CMYK").save(path, quality=98)
    return [scene()]


def write_palette_png(path: Path) -> list[np.ndarray]:
    """A palette of which green is transparent."""
    image = Image.fromarray(scene()).quantize(8)
    image.save(path, transparency=image.getpixel((SIZE[1] - 1, 0)))
    return [np.where((scene() == GREEN).all(2, keepdims=True), np.uint8(255), scene())]


def write_gray_alpha_png(path: Path) -> list[np.ndarray]:
    """Black ink of rising opacity, as drawing programs save line art."""
    alpha = np.broadcast_to(np.linspace(0, 255, SIZE[1]).astype(np.uint8), SIZE)
    Image.fromarray(np.dstack([np.zeros(SIZE, np.uint8), alpha]), "LA").save(path)
    return [np.repeat(255 - alpha[..., np.newaxis], 3, axis=2)]


def write_exif_jpeg(path: Path) -> list[np.ndarray]:
    """Stored lying, with the order to be turned clockwise for showing."""
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = 6
    Image.fromarray(scene()).save(path, quality=98, exif=exif)
    return [np.rot90(scene(), -1)]


def write_damaged_exif_png(path: Path) -> list[np.ndarray]:
    """A whole picture, the EXIF of which is rubbish."""
    Image.fromarray(scene()).save(path, exif=b"Exif\0\0rubbish, from end to end")
    return [scene()]


def write_still_gif(path: Path) -> list[np.ndarray]:
    """One frame."""
    Image.fromarray(scene()).save(path)
    return [scene()]


PICTURES = {
    "gray16.png": write_gray16, "gray16.tif": write_gray16, "rgb16.png": write_rgb16,
    "rgb16.tiff": write_rgb16, "cmyk.jpg": write_cmyk_jpeg, "palette.png": write_palette_png,
    "ink.png": write_gray_alpha_png, "turned.jpg": write_exif_jpeg,
    "damaged_exif.png": write_damaged_exif_png, "still.gif": write_still_gif,
}
"""Pictures that are to be read, each pixel within a few values of what its writer returns."""

PAGES = ("cover.png", "part 1/page2.png", "part 1/page10.png", "part 2/page1.png")


def _png(picture: np.ndarray) -> bytes:
    return cv2.imencode(".png", picture[..., ::-1])[1].tobytes()


def _jpeg(picture: np.ndarray) -> bytes:
    return cv2.imencode(".jpg", picture[..., ::-1])[1].tobytes()


def _zip(path: Path, entries: dict[str, bytes]) -> bytearray:
    """Writes an archive, stored, and returns it as bytes to be tampered with."""
    with zipfile.ZipFile(path, "w") as archive:
        for name, file in entries.items():
            archive.writestr(name, file)
    return bytearray(path.read_bytes())


def archive_of(files, extra=b""):
    """A ZIP of (raw name, whether flagged, content), written byte by byte."""
    local, central = b"", b""
    for name, is_utf8, content in files:
        fields = struct.pack("<HHHHHIIIHH", 20, 0x800 * is_utf8, 0, 0, 33, zlib.crc32(content),
                             len(content), len(content), len(name), len(extra))
        central += b"PK\1\2\x14\0" + fields + struct.pack("<HHHII", 0, 0, 0, 0, len(local))
        central += name + extra
        local += b"PK\3\4" + fields + name + extra + content
    end = struct.pack("<HHHHIIH", 0, 0, len(files), len(files), len(central), len(local), 0)
    return local + central + b"PK\5\6" + end


def write_comic_cbz(path: Path) -> list[np.ndarray]:
    """`PAGES` out of order, with entries between them that are no pages."""
    pages = dict(zip(PAGES, scenes(len(PAGES)), strict=True))
    files = {name: _png(pages[name]) for name in sorted(pages, reverse=True)}
    _zip(path, {"ComicInfo.xml": b"<ComicInfo/>", "part 1/": b"", **files,
                "part 1/.hidden.png": b"", "__MACOSX/cover.png": b"", "Thumbs.db": b"\0"})
    return list(pages.values())


EPUB_PACKAGE = """<?xml version="1.0"?><!DOCTYPE package [<!ENTITY a "a">]>
<opf:package xmlns:opf="http://www.idpf.org/2007/opf"><opf:manifest>
<opf:item id="ten" href="text/page10.xhtml" media-type="application/xhtml+xml"/>
<opf:item id="two" href="text/page%202.xhtml" media-type="application/xhtml+xml"/>
<opf:item id="cover" href="pictures/z.png" media-type="image/png"/>
<opf:item id="end" href="text/end.xhtml" media-type="application/xhtml+xml"/>
</opf:manifest><opf:spine><opf:itemref idref="cover"/><opf:itemref idref="ten"/>
<opf:itemref idref="two"/><opf:itemref idref="end"/><opf:itemref idref="ten"/>
</opf:spine></opf:package>"""
EPUB = {
    "mimetype": "application/epub+zip",
    "META-INF/container.xml": '<container><rootfiles><rootfile full-path="OEBPS/book.opf"/>'
                              "</rootfiles></container>",
    "OEBPS/book.opf": EPUB_PACKAGE,
    "OEBPS/text/page10.xhtml": '<html><style/><p>&nbsp;<img src="../pictures/b.png"/></html>',
    "OEBPS/text/page 2.xhtml": '<html><svg xmlns:xlink="http://www.w3.org/1999/xlink"><image '
                               'xlink:href="../pictures/a%C3%A9.png#whole"/></svg>'
                               '<img src="../pictures/b.png"><img src="gone.png"></html>',
    "OEBPS/text/end.xhtml": "<html><p>The end.</p></html>",
    "OEBPS/pictures/never shown.png": None,
}
EPUB_SHOWS = ("z", "b", "aé")
"""The pictures in the order in which the book shows them."""


def write_epub(path: Path, **changes: str | None) -> Path:
    """An EPUB; `changes` replace what its documents hold, by a part of their names."""
    with zipfile.ZipFile(path, "w") as archive:
        for name, text in EPUB.items():
            text = next((new for part, new in changes.items() if part in name), text)
            if text is not None:
                archive.writestr(name, text)
        for number, name in enumerate(EPUB_SHOWS):
            picture = _png(scene(number))
            archive.writestr(f"OEBPS/pictures/{name}.png", picture)
    return path


def write_cut_mp4(path: Path) -> None:
    """The first half of a video, its index included."""
    _encode(path, scenes(48), options={"movflags": "+faststart"})
    path.write_bytes(path.read_bytes()[:path.stat().st_size // 2])


def write_poem(path: Path) -> None:
    """Text, whatever the name says."""
    path.write_text("I am a poem.")


def write_empty(path: Path) -> None:
    """Nothing."""
    path.touch()


def write_cover_only_mkv(path: Path) -> None:
    """Sound with a cover, and no video."""
    sound = av.AudioFrame.from_ndarray(np.zeros((1, 4410), np.float32), "fltp", "mono")
    sound.rate = 44100
    with av.open(str(path), "w") as container:
        container.add_attachment("cover.jpg", "image/jpeg", _jpeg(scene()))
        stream = container.add_stream("aac", rate=44100)
        container.mux(stream.encode(sound))
        container.mux(stream.encode())


def write_cut_png(path: Path) -> None:
    """The upper half of a picture."""
    file = _png(scene())
    path.write_bytes(file[:len(file) // 2])


def write_huge_png(path: Path) -> None:
    """A few bytes that declare ten thousand million pixels."""
    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I",
                                                                        zlib.crc32(kind + body))

    path.write_bytes(b"\x89PNG\r\n\x1a\n"
                     + chunk(b"IHDR", struct.pack(">IIBBBBB", 100_000, 100_000, 8, 2, 0, 0, 0))
                     + chunk(b"IDAT", zlib.compress(bytes(100))) + chunk(b"IEND", b""))


def write_cut_gif(path: Path) -> None:
    """An animation that ends between two of its frames."""
    write_animated_gif(path)
    file = path.read_bytes()
    path.write_bytes(file[:file.rindex(b"\x21\xf9\x04")])  # where the last frame's controls begin


def write_escaping_cbz(path: Path) -> None:
    """A page, and an entry that would be written outside of a folder."""
    _zip(path, {"page1.png": _png(scene()), "../../page2.png": _png(scene())})


def _write_declaring(path: Path, pages: int, declared: int) -> None:
    file = _zip(path, {f"page{number}.png": _png(scene()) for number in range(pages)})
    at = -1
    while (at := file.find(b"PK\1\2", at + 1)) >= 0:
        file[at + 24:at + 28] = struct.pack("<I", declared)
    path.write_bytes(file)


def write_bomb_cbz(path: Path) -> None:
    """A page that declares `DECLARED` bytes."""
    _write_declaring(path, 1, DECLARED)


def write_swarm_cbz(path: Path) -> None:
    """Eight pages of 200 MiB each, as they declare, in a few kilobytes."""
    _write_declaring(path, 8, 200 * 2**20)


def write_encrypted_cbz(path: Path) -> None:
    """A page flagged as encrypted."""
    file = _zip(path, {"page1.png": _png(scene())})
    file[file.index(b"PK\3\4") + 6] |= 1
    file[file.index(b"PK\1\2") + 8] |= 1
    path.write_bytes(file)


def write_damaged_cbz(path: Path) -> None:
    """A page of which one byte is wrong."""
    file = _zip(path, {"page1.png": _png(scene())})
    file[file.index(b"IDAT") + 20] ^= 255
    path.write_bytes(file)


def write_bad_page_cbz(path: Path) -> None:
    """A page that is no picture."""
    _zip(path, {"page1.png": b"I am a poem."})


def write_pageless_cbz(path: Path) -> None:
    """No page."""
    _zip(path, {"ComicInfo.xml": b"<ComicInfo/>"})


def write_cut_cbz(path: Path) -> None:
    """The first half of a comic."""
    write_comic_cbz(path)
    path.write_bytes(path.read_bytes()[:path.stat().st_size // 2])


def write_rar(path: Path) -> None:
    """The beginning of a RAR archive."""
    path.write_bytes(b"Rar!\x1a\x07\x01\x00" + bytes(100))


def write_still_webp(path: Path) -> list[np.ndarray]:
    """One frame, without loss."""
    file = io.BytesIO()
    Image.fromarray(scene()).save(file, "WEBP", lossless=True)
    path.write_bytes(file.getvalue())
    return [scene()]


BAD_VIDEOS = {
    "cut.mp4": (write_cut_mp4, "cut.mp4: "),
    "poem.mp4": (write_poem, "poem.mp4: cannot be decoded (Invalid data"),
    "empty.mp4": (write_empty, "empty.mp4: cannot be decoded"),
    "song.mkv": (write_cover_only_mkv, "song.mkv: holds no video stream"),
    "cut.gif": (write_cut_gif, "cut.gif: is cut short"),
}
"""Videos that are to be refused, with the beginning of the line."""

BAD_PICTURES = {
    "empty.png": (write_empty, "empty.png: cannot be read as a picture"),
    "poem.png": (write_poem, "poem.png: cannot be read as a picture"),
    "poem.gif": (write_poem, "poem.gif: cannot be read as a picture"),
    "cut.png": (write_cut_png, "cut.png: cannot be read as a picture"),
    "huge.png": (write_huge_png, "huge.png: declares 100000x100000 pixels, more than 200,000,000"),
}
"""Pictures that are to be refused, with the beginning of the line."""

def write_pdf(path, pictures, dots_an_inch=300):
    """A PDF with a picture a page; JPEG files among them are stored as they are."""
    document = pdfium.PdfDocument.new()
    for picture in pictures:
        image = pdfium.PdfImage.new(document)
        if isinstance(picture, bytes):
            image.load_jpeg(io.BytesIO(picture), inline=True)
        else:
            image.set_bitmap(pdfium.PdfBitmap.from_pil(Image.fromarray(picture)))
        width, height = (length * 72 / dots_an_inch for length in image.get_px_size())
        image.set_matrix(pdfium.PdfMatrix().scale(width, height))
        sheet = document.new_page(width, height)
        sheet.insert_obj(image)
        sheet.gen_content()
    document.save(path)


BAD_COMICS = {
    "escaping.cbz": (write_escaping_cbz, "is named '../../page2.png', which points outside of"),
    "bomb.cbz": (write_bomb_cbz, "bomb.cbz/page0.png: unpacks to 300 MiB, more than 256; "),
    "swarm.cbz": (write_swarm_cbz, "swarm.cbz: unpacks to 1600 MiB"),
    "encrypted.cbz": (write_encrypted_cbz, "encrypted.cbz: is encrypted; save it again without a"),
    "damaged.cbz": (write_damaged_cbz, "damaged.cbz/page1.png: is damaged"),
    "bad_page.cbz": (write_bad_page_cbz, "bad_page.cbz/page1.png: cannot be read as a picture"),
    "pageless.cbz": (write_pageless_cbz, "pageless.cbz: holds no picture"),
    "cut.cbz": (write_cut_cbz, "cut.cbz: is damaged or cut short"),
    "empty.cbz": (write_empty, "empty.cbz: is no ZIP archive"),
    "poem.cbz": (write_poem, "poem.cbz: is no ZIP archive"),
    "really_rar.cbz": (write_rar, "really_rar.cbz: is a RAR archive, which is not read; unpack"),
    "comic.cbr": (write_rar, "comic.cbr: is a RAR archive, which is not read; unpack it"),
    "comic.cb7": (write_poem, "comic.cb7: is a 7z archive, which is not read"),
    "comic.cbt": (write_poem, "comic.cbt: is a tar archive, which is not read"),
    "comic.epub": (write_comic_cbz, "comic.epub: lacks 'META-INF/container.xml', which an EPUB"),
    "comic.pdf": (write_poem, "comic.pdf: is no PDF, or a damaged one; export it again"),
    "comic.zip": (write_comic_cbz, "comic.zip: is a ZIP archive, read only as a comic; rename it"),
}
"""Comic archives that are to be refused, with the beginning of the line."""
