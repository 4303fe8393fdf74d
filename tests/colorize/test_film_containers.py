import json
import subprocess
import sys
from fractions import Fraction

import av
import numpy as np
import pytest
from media_files import TIMES, write_animated_gif, write_resized_ts
from test_film import SIZE, colors_of, drawings, frames_of, packets, write_film

from keras_colorize import colorize, media
from keras_colorize.cartoon import episode
from keras_colorize.colorize.film import Film
from keras_colorize.errors import SourceError
from keras_colorize.media import film_writer

FAST = {"preset": "ultrafast"}


@pytest.mark.parametrize(("codec", "crf", "suffix", "sound", "said"), [
    ("prores_ks", None, ".mov", None, "in.mov: cannot be encoded by prores_ks ("),
    ("mpeg4", None, ".ts", None, "in.ts: cannot be encoded by mpeg4 (Invalid argument); choose"),
    ("gif", None, ".mkv", None, "in.mkv: cannot be encoded by gif ("),
    ("mjpeg", None, ".mkv", None, "in.mkv: cannot be encoded by mjpeg ("),
    ("libvpx-vp9", 99, ".webm", None, "encoded by libvpx-vp9 at crf 99 (Numerical result out of"),
    ("libx264", -5, ".mkv", None, "encoded by libx264 at crf -5 (Numerical result out of range)"),
    ("libx264", None, ".webm", None, "out.webm: cannot hold the film"),
    (None, None, ".webm", "flac", "out.webm: cannot hold the film")])
def test_what_cannot_be_written_is_told_before_a_frame_is_coloured(codec, crf, suffix, sound, said,
                                                                   models, tmp_path):
    source = tmp_path / f"in{'.mkv' if suffix == '.webm' else suffix}"
    write_film(source, drawings(5), options=FAST, sound=sound)
    report = colorize.colorize(models, [source], tmp_path / f"out{suffix}",
                                colorize.Settings(codec=codec, crf=crf))
    assert len(report.failed) == 1 and said in report.failed[0]
    assert "--codec or --crf" in report.failed[0] or "a --out that ends in" in report.failed[0]
    assert not list(tmp_path.rglob("piece*")) and not (tmp_path / f"out{suffix}").exists()


def test_a_film_whose_frames_change_their_size_is_told(models, tmp_path):
    source = tmp_path / "in.ts"
    write_resized_ts(source, (64, 96), (96, 128))
    report = colorize.colorize(models, [source], tmp_path / "out.mkv",
                                colorize.Settings(treat_as="gray"))
    assert "changes its size at frame 12" in report.failed[0]
    assert "from 96x64 to 128x96; cut it there" in report.failed[0]


def test_a_colour_film_goes_into_another_container_packet_by_packet(models, tmp_path):
    plain, source, out = tmp_path / "plain.mkv", tmp_path / "in.mkv", tmp_path / "out.mp4"
    episode.write_video(plain, slice(0, 20))
    write_film(tmp_path / "tone.mp4", drawings(20), sound="aac", options=FAST)
    with av.open(str(plain)) as film, av.open(str(tmp_path / "tone.mp4")) as tone, \
            av.open(str(source), "w") as both:
        shown, sound = (both.add_stream_from_template(stream)
                        for stream in (film.streams.video[0], tone.streams.audio[0]))
        both.metadata["title"] = "In colour"
        for old, new in ((film.demux(video=0), shown), (tone.demux(audio=0), sound)):
            for packet in old:
                if packet.size:
                    packet.stream = new
                    both.mux(packet)
    report = colorize.colorize(models, [source], out)
    assert not report.failed, report.failed
    assert "copied packet by packet" in report.films[0] and out.read_bytes()[4:8] == b"ftyp"
    assert packets(out, "audio") == packets(source, "audio") != []
    (old_times, old), (times, new) = frames_of(source), frames_of(out)
    np.testing.assert_allclose(times, old_times, atol=0.001)
    for before, after in zip(old, new, strict=True):
        np.testing.assert_array_equal(before.to_ndarray(), after.to_ndarray())
    with av.open(str(out)) as film:
        assert film.metadata["title"] == "In colour"
    refused = colorize.colorize(models, [source], tmp_path / "out.webm")
    assert "out.webm: cannot hold the film" in refused.failed[0]
    assert not (tmp_path / "out.webm").exists()


def test_an_animation_in_colour_keeps_its_suffix(models, tmp_path):
    source, out = tmp_path / "moving.gif", tmp_path / "out"
    write_animated_gif(source)
    for _ in range(2):
        report = colorize.colorize(models, [source], out)
    assert (out / "moving.gif").read_bytes() == source.read_bytes() and report.found_done == 1
    assert not (out / "moving.mkv").exists()
    report = colorize.colorize(models, [source], tmp_path / "moving.mkv")
    assert "would be copied to itself" in report.failed[0] and media.is_video(source)


@pytest.mark.parametrize("suffix", [".wmv", ".mpg", ".ogv"])
def test_a_container_without_h264_is_refused_where_it_was_named(suffix, models, tmp_path):
    source, out = tmp_path / "in.mkv", tmp_path / f"out{suffix}"
    write_film(source, drawings(3), options=FAST)
    report = colorize.colorize(models, [source], out)
    assert f"({suffix}) that holds neither H.264 nor VP9; name a --out" in report.failed[0]
    assert not out.exists()


def test_in_a_folder_a_film_of_such_a_container_becomes_matroska(models, tmp_path):
    source, out = tmp_path / "in", tmp_path / "out"
    source.mkdir()
    write_film(source / "a.wmv", drawings(6), "wmv2", options=FAST)
    report = colorize.colorize(models, [source], out)
    assert not report.failed and list(report.colored) == [out / "a.mkv"]
    assert len(frames_of(out / "a.mkv")[1]) == 6 and not (out / "a.wmv").exists()
    whole = (out / "a.mkv").read_bytes()
    write_film(source / "a.mpg", drawings(4), "mpeg2video", options=FAST)
    again = colorize.colorize(models, [source], out)
    assert again.found_done == 1 and len(again.failed) == 1
    assert "a.mpg: and another input are both to be" in again.failed[0]
    assert (out / "a.mkv").read_bytes() == whole


def test_a_film_that_lacks_frames_does_not_appear(tmp_path):
    source = tmp_path / "in.mkv"
    write_film(source, drawings(6), options=FAST)
    for write in (lambda out: film_writer.join([source], source, out, 0, 7),
                  lambda out: film_writer.check_frames(source, out, 5)):
        with pytest.raises(SourceError, match="holds 6 of the film's"):
            write(tmp_path / "out.mkv")
    assert [path.name for path in tmp_path.iterdir()] == ["in.mkv"]
    assert film_writer.join([source], source, tmp_path / "out.mkv", 0, 6) == []


def test_varying_times_are_refused_by_avi_and_kept_by_matroska(models, tmp_path):
    source = tmp_path / "in.mkv"
    write_film(source, drawings(len(TIMES)), times=TIMES, options=FAST)
    report = colorize.colorize(models, [source], tmp_path / "out.avi")
    assert "cannot hold the varying times" in report.failed[0]
    assert not (tmp_path / "out.avi").exists()
    assert film_writer.container_for(source, tmp_path / "out.avi", False) == tmp_path / "out.mkv"
    colorize.colorize(models, [source], tmp_path / "out.mkv")
    assert frames_of(tmp_path / "out.mkv")[0] == frames_of(source)[0]


@pytest.mark.parametrize(("name", "late"), [("in.mkv", 0), ("in.mkv", 0.021), ("in.mkv", 0.25),
                                            ("in.ts", 0)])
def test_pictures_of_an_avi_are_read_at_their_time_beside_the_sound(name, late, models, tmp_path):
    """By FFmpeg alone, as players read it."""
    source, out = tmp_path / name, tmp_path / "out.avi"
    write_film(source, drawings(8), times=[late + number / 24 for number in range(8)], sound="mp2")
    assert not colorize.colorize(models, [source], out).failed
    offsets = []
    for path in (source, out):
        with av.open(str(path)) as film:
            heard = next(film.decode(audio=0)).time
        with av.open(str(path)) as film:
            offsets.append([frame.time - heard for frame in film.decode(video=0)])
    np.testing.assert_allclose(offsets[1][1:], offsets[0][1:], atol=0.025)
    assert offsets[1][0] == 0


@pytest.mark.parametrize("suffix", [".mkv", ".mp4", ".ts", ".avi"])
def test_a_rate_is_steady_whatever_its_container_rounds_times_to(suffix, tmp_path):
    source = tmp_path / f"in{suffix}"
    with av.open(str(source), "w") as container:
        stream = container.add_stream("libx264", rate=Fraction(24000, 1001), options=FAST)
        stream.height, stream.width, stream.pix_fmt = *SIZE, "yuv420p"
        for picture in drawings(1) * 100:
            frame = av.VideoFrame.from_ndarray(np.dstack([picture] * 3), "rgb24")
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    assert film_writer.is_steady(source)


def test_the_network_sees_a_turned_film_upright(models, tmp_path):
    """Stored lying, and turned when shown: coloured as the same film that is stored upright."""
    upright, colors = drawings(4, (128, 96)), {}
    for name, turn in (("upright", 0), ("lying", 1), ("head", 2), ("other", 3)):
        source, out = tmp_path / f"{name}.mp4", tmp_path / f"{name}_out.mp4"
        stored = [np.ascontiguousarray(np.rot90(picture, -turn)) for picture in upright]
        write_film(source, stored, rotation=90 * turn, options={"crf": "1"})
        assert not colorize.colorize(models, [source], out, colorize.Settings(crf=1)).failed
        frames = frames_of(out)[1]
        assert round(frames[0].rotation / 90) % 4 == turn
        colors[name] = np.stack([np.rot90(colors_of(frame), turn, (1, 2)) for frame in frames])
    for name in ("lying", "head", "other"):
        assert np.abs(colors[name] - colors["upright"]).mean() < 1, name
    assert np.ptp(colors["upright"]) > 10


def test_a_mirrored_film_is_read_mirrored_and_turned_by_what_is_left(tmp_path):
    """A display matrix with a flip, which few containers hold: half of a half turn."""
    source = tmp_path / "in.mp4"
    write_film(source, drawings(4), rotation=180, options={"crf": "1"})
    film = Film.open(source, tmp_path / "out.mkv", colorize.Settings())
    plain = [film.luma(frame) for _, frame in film.frames()]
    file = bytearray(source.read_bytes())
    at = file.index(b"tkhd") + 44  # of a version 0 box
    file[at:at + 4] = (1 << 16).to_bytes(4, "big")
    source.write_bytes(file)
    film = Film.open(source, tmp_path / "out.mkv", colorize.Settings())
    assert (film.turn.is_mirrored, film.turn.quarters) == (True, 2)
    for (_, frame), before in zip(film.frames(), plain, strict=True):
        assert np.array_equal(film.luma(frame), before[:, ::-1])


def test_streams_of_bare_data_are_told(models, tmp_path):
    source, out = tmp_path / "in.ts", tmp_path / "out.mkv"
    write_film(tmp_path / "plain.ts", drawings(5), options=FAST)
    with av.open(str(tmp_path / "plain.ts")) as film, av.open(str(source), "w") as both:
        shown = both.add_stream_from_template(film.streams.video[0])
        data = both.add_data_stream("klv")
        for packet in film.demux(video=0):
            if packet.size:
                note = av.Packet(b"where it was filmed")
                note.pts = note.dts = packet.dts
                note.time_base, note.stream, packet.stream = packet.time_base, data, shown
                both.mux(packet)
                both.mux(note)
    report = colorize.colorize(models, [source], out)
    assert report.films[0].endswith("; streams of data left out: 1")
    page, = json.loads((tmp_path / "out.mkv.job" / "report.json").read_text())["pages"]
    assert page["notes"] == ["streams of data left out: 1"]


def test_flicker_of_the_written_film_is_less_than_frame_by_frame(models, tmp_path):
    """Held frames keep their chroma to the bit; that of others changes less than coloured alone."""
    noise, lossless = np.random.default_rng(0), colorize.Settings(codec="ffv1")
    frames = [np.clip(drawing + noise.normal(0, 3, SIZE), 0, 255).astype(np.uint8)
              for drawing in drawings(16, each=2)]
    write_film(tmp_path / "in.mkv", frames, "ffv1")
    report = colorize.colorize(models, [tmp_path / "in.mkv"], tmp_path / "out.mkv", lossless)
    record, = json.loads((tmp_path / "out.mkv.job" / "report.json").read_text())["pages"]
    assert record["held"] == 8 and record["flicker_held"] == 0
    assert report.films[0].endswith("0.00 in held frames")
    written = [colors_of(frame) for frame in frames_of(tmp_path / "out.mkv")[1]]
    alone = tmp_path / "alone"
    alone.mkdir()
    for number, frame in enumerate(frames[::2]):
        write_film(alone / f"{number}.mkv", [frame], "ffv1")
    colorize.colorize(models, [alone], tmp_path / "alone_out", lossless)
    single = [colors_of(frames_of(tmp_path / "alone_out" / f"{number}.mkv")[1][0])
              for number in range(8)]
    for first in written[::2], written[1::2]:
        assert np.abs(np.diff(first, axis=0)).mean() < 0.9 * np.abs(np.diff(single, axis=0)).mean()
    assert all(np.array_equal(*written[at:at + 2]) for at in range(0, 16, 2))


MEMORY = """
import resource, sys
from pathlib import Path
from keras_colorize import colorize
models = colorize.Models(colorize.Model.load(Path(sys.argv[1])))
for name in sys.argv[2:]:
    settings = colorize.Settings(scale=0.1, treat_as="gray", crf=40)
    assert not colorize.colorize(models, [Path(name)], Path(name).with_suffix(".out.mkv"),
                                  settings).failed
    print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024)
"""


@pytest.mark.slow
def test_memory_does_not_grow_with_the_length_of_a_film(runs, tmp_path):
    """The 80 frames more of the second film have 75 MB of luma."""
    still = np.kron(drawings(1)[0][:90, :128], np.ones((8, 10), np.uint8))
    names = []
    for count in (40, 120):
        path = tmp_path / f"{count}.mkv"
        write_film(path, [np.roll(still, 10 * number, 1) for number in range(count)],
                   options={"preset": "ultrafast", "crf": "40"})
        names.append(str(path))
    found = subprocess.run([sys.executable, "-c", MEMORY, str(runs["gan_gray"]), *names],
                           capture_output=True, text=True, check=True).stdout.split()
    short, long = map(int, found)
    assert long - short < 60, f"{short} MB and {long} MB"
