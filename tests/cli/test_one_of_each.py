"""A folder with one file of each kind that people have: each is done, or named, by its name."""

import io
import json
import os
import tarfile
import warnings
import zipfile
from concurrent.futures import ThreadPoolExecutor

import av
import media_files
import numpy as np
import pytest
from color_profiles import ADOBE, profile_of
from PIL import Image

from keras_colorize import cli
from keras_colorize.cartoon import episode
from keras_colorize.data import build_workers
from keras_colorize.errors import one_line
from keras_colorize.image import pixels

FORMS = {"1.avif": "AVIF", "2.jp2": "JPEG2000", "3.jfif": "JPEG", "4.jpe": "JPEG", "5": "PNG",
         "6" * 248 + ".png": "PNG", os.fsdecode(b"caf\xe9.png"): "PNG"}
NOT_READ = {"heic.heic": b"\0\0\0\x18ftypheic\0\0\0\0mif1heic", "jxl.jxl": b"\xff\x0a",
            "torn.png": b"poem", "torn.cbz": b"poem", "torn.mp4": b"poem", "old.rar": b"Rar!",
            "old.cb7": b"7z\xbc\xaf"}
NO_PICTURES = ("notes.txt", "keras.json", "names.torrent")


def gray(number=0, size=(75, 110)):
    return np.ascontiguousarray(pixels.gray(episode.draw_frame(20 * number))[:size[0], :size[1]])


def file_of(picture, form="PNG", **options):
    file = io.BytesIO()
    Image.fromarray(picture).save(file, form, **options)
    return file.getvalue()


def write_film(path, picture, frames=3, codec="mpeg4", **context):
    with av.open(str(path), "w", **({"format": "mpegts"} if path.suffix == ".mts" else {})) as film:
        stream = film.add_stream(codec, rate=25)
        stream.height, stream.width, stream.pix_fmt = *picture.shape[:2], "yuv420p"
        for name, value in context.items():
            setattr(stream.codec_context, name, value)
        for _ in range(frames):
            film.mux(stream.encode(av.VideoFrame.from_ndarray(picture, "rgb24")))
        film.mux(stream.encode())


@pytest.fixture
def folder(tmp_path):
    """One file of each kind, in gray or in colour as such files are."""
    folder = tmp_path / "series"
    folder.mkdir()
    for number, (name, form) in enumerate(FORMS.items()):
        (folder / name).write_bytes(file_of(gray(number), form))
    for name, content in NOT_READ.items():
        (folder / name).write_bytes(content)
    for name in NO_PICTURES:
        (folder / name).write_bytes(b"{}")
    stamped = np.dstack([gray(9, (200, 200))] * 3)
    stamped[180:186, 180:186] = (200, 30, 40)
    color = episode.draw_frame(0)[:128, :192]
    yellowed = np.rint(gray(10)[..., None] * np.array([1, 0.96, 0.84])).astype(np.uint8)
    for name, picture, options in (
            ("stamp.png", stamped, {}), ("yellowed.png", yellowed, {}),
            ("strip.png", np.full((1200, 15, 3), 90, np.uint8), {}), ("color.png", color, {}),
            ("adobe.png", color, {"icc_profile": profile_of(b"RGB ", primaries=ADOBE)})):
        (folder / name).write_bytes(file_of(picture, **options))
    write_books(folder)
    for name in ("film.mp4", "camera.mts", "disc.vob"):
        write_film(folder / name, color, codec="mpeg2video" if name == "disc.vob" else "mpeg4")
    write_film(folder / "hdr.mkv", color, codec="ffv1", color_trc=16)
    write_film(folder / "gray.mp4", np.dstack([gray(0, (64, 96))] * 3))
    media_files.write_rotated_mp4(folder / "turned.mp4")
    media_files.write_alpha_mkv(folder / "alpha.mkv")
    return folder


def write_books(folder):
    pages = [file_of(gray(number)) for number in range(3)]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # of the second file of one name
        for name, entries in (("modern.cbz", ("1.avif", "2.jp2", "3")),
                              ("twice.cbz", ("1.png", "1.png", "/2.png")),
                              ("outside.cbz", ("../1.png", "2.png", "3.png")),
                              ("Vol 1.cbz", ("1.png",)), ("empty.cbz", ()),
                              ("zip.zip", ("1.png",))):
            with zipfile.ZipFile(folder / name, "w") as book:
                for entry, page in zip(entries, pages, strict=False):
                    book.writestr(entry, page)
    (folder / "names.cbz").write_bytes(media_files.archive_of([
        ("ソ表.png".encode("cp932"), False, pages[0])]))
    media_files.write_pdf(folder / "Vol 1.pdf", [gray(4)])
    with tarfile.open(folder / "tar.cbz", "w") as tar:
        tar.addfile(tarfile.TarInfo("1.png"))


FAILED = {*NOT_READ, "caf\\udce9.png", "hdr.mkv", "empty.cbz", "tar.cbz", "zip.zip"}
"""Of these nothing can be made."""


def test_all_that_can_be_coloured_is_and_every_file_is_named(
        folder, served_model, tmp_path, capfd):
    out = tmp_path / "out"
    assert cli.main(["colorize", str(served_model), str(folder), "--out", str(out)]) == 1
    printed, told = capfd.readouterr(), json.loads((out / "report.json").read_text())
    errors = [line for line in printed.err.splitlines() if line.startswith("error: ")]
    names = {one_line(path.name) for path in folder.iterdir()}
    failed = {name for name in names if any(f"/{name}: " in line for line in errors)}
    assert failed == FAILED | {"Vol 1.cbz", "Vol 1.pdf"}  # which would be one file
    assert set(told["passed_over"]) == set(NO_PICTURES)
    assert all(name in printed.out for name in NO_PICTURES)
    done = {page["page"].split("/")[0]: page.get("file") for page in told["pages"]
            if "error" not in page}
    assert names == failed | set(NO_PICTURES) | set(done) and set(done) & failed == set()
    assert all((out / (file or name)).is_file() for name, file in done.items())
    assert len(errors) == len(failed) + 1 and any("outside.cbz/__/1.png" in line for line in errors)
    for line in ("twice.cbz/1~2.png: is the name here of a second file of one name",
                 "twice.cbz/2.png: was named from the root of a disk"):
        assert line in printed.out


def test_all_that_can_be_learned_is_and_every_file_is_named(folder, tmp_path, capfd, monkeypatch):
    monkeypatch.setattr(build_workers, "processes", ThreadPoolExecutor)
    out = tmp_path / "out"
    assert cli.main(["build-tfrecords", str(folder), "--out", str(out), "--size", "64x96",
                     "--every", "1", "--split-by", "frame", "--workers", "1", "--skip-bad"]) == 1
    printed, made = capfd.readouterr(), json.loads((out / "dataset.json").read_text())
    errors = [line for line in printed.err.splitlines() if line.startswith("error: ")]
    sources = {source["name"]: source for source in made["sources"]}
    pictures = sources.pop("series")
    names = {one_line(path.name) for path in folder.iterdir()}
    failed = {name for name in names if any(f"/{name}: " in line for line in errors)}
    assert failed == FAILED
    assert all(name in printed.out for name in NO_PICTURES)
    of_pictures = {name for name in names if name.endswith((".png", ".jpe", ".jfif", ".jp2",
                                                            ".avif")) or name == "5"} - failed
    assert names == failed | set(NO_PICTURES) | set(sources) | of_pictures
    assert pictures["decoded"] == len(of_pictures) + len(pictures["bad"])
    assert pictures["empty"] == ["stamp.png", "strip.png"]
    assert "series: nothing kept of stamp.png, strip.png" in printed.out
    assert all(f"  {name}: " in printed.out for name in sources)
    assert all(source["kept"] for source in sources.values())
    assert "twice.cbz/1~2.png: is the name here" in printed.out
    assert len(errors) == len(failed) + 1 and any("outside.cbz/__/1.png" in line for line in errors)
