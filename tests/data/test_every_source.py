"""Datasets built from every kind of file that people have, and from what cannot be read."""

import resource
import shutil
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest
from conftest import command, examples, files_of
from media_files import (
    BAD_COMICS,
    BAD_PICTURES,
    BAD_VIDEOS,
    PICTURES,
    VIDEOS,
    scenes,
    write_comic_cbz,
    write_pdf,
    write_resized_ts,
)

from keras_colorize import cli, media
from keras_colorize.cartoon import episode
from keras_colorize.data import build, records
from keras_colorize.data.sources import Counts, Sampling, VideoSource
from keras_colorize.image import pixels
from keras_colorize.image.page_windows import windows

SIZE = (64, 96)
BAD = {**BAD_VIDEOS,
       **{name: bad for name, bad in BAD_COMICS.items() if media.is_book(Path(name))},
       **{f"pictures of {name}/{name}": bad for name, bad in BAD_PICTURES.items()}}


def build_all(*places, out, **sampling):
    """Builds a dataset with an example of every frame, and returns its manifest."""
    settings = build.Settings(Sampling(**{"every": 1, "size": SIZE, **sampling}), "frame")
    return build.build(list(places), out, settings, workers=2)[0]


def source_of(manifest, name):
    """What the manifest says of a source."""
    return next(each for each in manifest.values["sources"] if each["name"] == name)


def test_every_kind_of_source_gives_the_right_pictures(tmp_path):
    expected = {}
    for name, write in VIDEOS.items():
        expected[name] = write(tmp_path / name)
    expected["comic.cbz"] = write_comic_cbz(tmp_path / "comic.cbz")
    expected["comic.pdf"] = [cv2.resize(each, (240, 400)) for each in scenes(3)]
    write_pdf(tmp_path / "comic.pdf", expected["comic.pdf"])
    for name, write in PICTURES.items():
        (tmp_path / f"pictures of {name}").mkdir()
        expected[f"pictures of {name}"] = write(tmp_path / f"pictures of {name}" / name)
    manifest = build_all(tmp_path, out=tmp_path.with_name(f"{tmp_path.name}_dataset"))
    seen = {}
    for split in records.SPLITS:
        for each in examples(manifest.directory, split):
            name = each["source"].numpy().decode()
            seen[name, int(each["frame"])] = media.decode_picture(each["color"].numpy())
    for name, pictures in expected.items():
        if name not in VIDEOS:  # the tall ones are cut
            pictures = [part for picture in pictures for part in windows(picture, SIZE)]
        assert sum(source == name for source, _ in seen) == len(pictures)
        for number, picture in enumerate(pictures):
            wanted = pixels.example(picture, SIZE)["color"]
            assert np.median(np.abs(seen[name, number].astype(int) - wanted)) <= 3, name


@pytest.fixture(scope="module")
def good(tmp_path_factory):
    """A folder with a sound comic."""
    folder = tmp_path_factory.mktemp("good")
    for number in range(3):
        write_comic_cbz(folder / f"comic{number}.cbz")
    return folder


def test_each_bad_source_is_one_line_and_the_rest_is_built_when_asked(good, tmp_path):
    folder = tmp_path / "sources"
    shutil.copytree(good, folder)
    build_all(folder, out=tmp_path / "good")
    for name, (write, _) in BAD.items():
        (folder / name).parent.mkdir(exist_ok=True)
        write(folder / name)
    options = ("--out", tmp_path / "out", "--size", "64x96", "--every", 1, "--split-by", "frame")
    answer = command("build-tfrecords", folder, *options, "--skip-bad")
    errors = [line for line in answer.stderr.splitlines() if line.startswith("error: ")]
    assert answer.returncode == 1 and "Traceback" not in answer.stderr
    assert len(errors) == len(BAD)
    for name, (_, line) in BAD.items():
        assert sum(f"{folder / name}" in error and line in error for error in errors) == 1, name
    # Beside the good sources, the readable pages of damaged books are kept.
    kept, wanted = ({each["color"].numpy() for split in records.SPLITS
                     for each in examples(tmp_path / name, split)} for name in ("out", "good"))
    assert wanted and wanted <= kept


def test_without_skip_bad_one_line_ends_the_build_and_finished_sources_are_kept(good, tmp_path):
    folder = tmp_path / "sources"
    shutil.copytree(good, folder)
    write, line = BAD_VIDEOS["poem.mp4"]
    write(folder / "poem.mp4")
    options = ("--out", tmp_path / "out", "--size", "64x96", "--every", 1, "--split-by", "frame")
    answer = command("build-tfrecords", folder, *options, "--workers", 1)
    assert answer.returncode == 1 and not (tmp_path / "out").exists()
    error, = (each for each in answer.stderr.splitlines() if each.startswith("error: "))
    assert str(folder) in error and line in error
    assert len(list((tmp_path / ".out.partial").glob("*.json"))) == 3


@pytest.mark.parametrize(("name", "beginning", "line"), [
    ("comic.cbr", b"Rar!", "is a RAR archive, which is not read; unpack it and zip its pictures"),
    ("comic.epub", b"PK\3\4", "is damaged or cut short; is it a whole EPUB? copy it again"),
    ("comic.pdf", b"%PDF", "is no PDF, or a damaged one; export it again"),
    ("comic.zip", b"PK\3\4", "is a ZIP archive, read only as a comic; rename it .cbz"),
    ("notes.txt", b"poem", "is neither a video nor a comic (by its suffix)"),
])
def test_what_is_not_read_is_told_what_to_become(name, beginning, line, tmp_path, error_of):
    (tmp_path / name).write_bytes(beginning)
    code, error = error_of("build-tfrecords", tmp_path / name, "--out", tmp_path / "out")
    assert code == 1 and f"{name}: {line}" in error


@pytest.mark.slow
def test_a_full_disk_loses_nothing(good, film, tmp_path, capfd):
    folder, out = tmp_path / "sources", tmp_path / "out"
    shutil.copytree(good, folder)
    (folder / "film.mp4").symlink_to(film)
    options = ["build-tfrecords", str(folder), "--size", "64x96", "--every", "20", "--out"]
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (50_000, limits[1]))
    try:
        answer = subprocess.run([sys.executable, "-m", "keras_colorize.cli", *options, str(out)],
                                capture_output=True, text=True)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    error, = (line for line in answer.stderr.splitlines() if "error: " in line)
    assert answer.returncode == 1 and "Traceback" not in answer.stderr
    assert ".out.partial" in error and "File too large" in error and not out.exists()
    assert cli.main([*options, str(out)]) == 0
    assert "continuing: 3 of 4 sources were finished" in capfd.readouterr().out
    cli.main([*options, str(tmp_path / "fresh")])
    assert files_of(out) == files_of(tmp_path / "fresh")


def film_of(pictures, path):
    """Writes pictures as a video."""
    import media_files
    media_files._encode(path, pictures)
    return path


def test_black_bars_are_cropped_and_told(tmp_path):
    inner = [episode.draw_frame(60 * number) for number in range(12)]
    barred = [cv2.copyMakeBorder(picture, 60, 60, 0, 0, cv2.BORDER_CONSTANT) for picture in inner]
    film_of(barred, tmp_path / "film.mp4")
    manifest = build_all(tmp_path / "film.mp4", out=tmp_path / "out", zoom="area")
    top, left, height, width = source_of(manifest, "film.mp4")["crop"]
    assert abs(top - 60) <= 2 and abs(height - 360) <= 4 and (left, width) == (0, 640)
    assert f"black bars cropped to {height}x{width}" in build.summary(manifest)
    for each in examples(tmp_path / "out", "test"):
        color = media.decode_picture(each["color"].numpy())
        wanted = pixels.example(inner[int(each["frame"])], SIZE, "area")["color"]
        assert np.median(np.abs(color.astype(int) - wanted)) < 8


@pytest.mark.parametrize(("sizes", "shots"), [
    (((144, 176), (144, 160)), [0, 1]),  # another shape is another shot
    (((72, 128), (144, 256)), [0, 0]),
])
def test_frames_that_change_their_size_in_mid_stream_are_taken_as_they_are(sizes, shots, tmp_path):
    expected = write_resized_ts(tmp_path / "film.ts", *sizes)
    source, counts = VideoSource("film.ts", tmp_path / "film.ts"), Counts()
    samples = list(source.samples(Sampling(every=1), counts))
    assert [each.shot for each in samples] == np.repeat(shots, len(expected) // 2).tolist()
    for sample, picture in zip(samples, expected, strict=True):
        assert np.median(np.abs(sample.picture.astype(int) - picture)) <= 3


def test_black_bars_of_one_size_are_not_cropped_from_frames_of_another(tmp_path):
    parts = []
    for size, bar in (((144, 176), 24), ((144, 160), 0)):
        frames = [cv2.copyMakeBorder(picture, bar, bar, 0, 0, cv2.BORDER_CONSTANT)
                  for picture in scenes(20, (size[0] - 2 * bar, size[1]))]
        parts.append(film_of(frames, tmp_path / "part.ts").read_bytes())
    (tmp_path / "film.ts").write_bytes(b"".join(parts))
    counts = Counts()
    samples = VideoSource("film.ts", tmp_path / "film.ts").samples(Sampling(every=1), counts)
    shapes = [sample.picture.shape for sample in samples]
    assert counts.crop and shapes[0][:2] == counts.crop[2:] and shapes[-1] == (144, 160, 3)


def test_held_black_and_gray_frames_are_counted_and_left_out_when_asked(tmp_path):
    drawn = [episode.draw_frame(60 * number) for number in range(12)]
    held = [drawn[1]] * 5
    gray = [np.dstack([pixels.gray(drawn[2])] * 3)]
    film_of(drawn[:1] + held + gray + [np.zeros_like(drawn[0])] + drawn[3:], tmp_path / "film.mp4")
    kept = source_of(build_all(tmp_path / "film.mp4", out=tmp_path / "all"), "film.mp4")
    assert kept["kept"] == kept["decoded"] == 17
    assert kept["noted"] == {"held": 4, "gray": 2, "black": 1}  # what is black is gray as well
    manifest = build_all(tmp_path / "film.mp4", out=tmp_path / "some",
                         drop=("black", "gray", "held"))
    some = source_of(manifest, "film.mp4")
    assert some["kept"] == 11 and some["skipped"] == {"held": 4, "gray": 1, "black": 1}
    assert "4 held left out" in build.summary(manifest)


def test_blank_and_colourless_windows_of_a_page_are_left_out(tmp_path):
    panel = episode.draw_frame(400)
    ink = np.dstack([cv2.Canny(pixels.gray(panel), 50, 100)] * 3)
    page = np.vstack([panel, np.full_like(panel, 255), 255 - ink, panel])
    (tmp_path / "pages").mkdir()
    for number in range(4):
        media.write_picture(tmp_path / "pages" / f"{number}.png", page)
    manifest = build_all(tmp_path / "pages", out=tmp_path / "out", size=(90, 160))
    source = source_of(manifest, "pages")
    assert source["skipped"] == {"blank window": 4, "colourless window": 8}
    assert source["kept"] == 4 * 4 and source["decoded"] == 4
