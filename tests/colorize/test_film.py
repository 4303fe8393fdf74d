import functools
import json
import signal
import subprocess
import sys
from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np
import pytest
from conftest import wait_for
from media_files import TIMES

from keras_colorize import colorize, media
from keras_colorize.cartoon import episode
from keras_colorize.colorize import film as film_module
from keras_colorize.colorize.gray_film import Film
from keras_colorize.colorize.steadying import Steadier
from keras_colorize.errors import UsageError
from keras_colorize.image import pixels
from keras_colorize.media import film_writer, planes

SIZE = (96, 144)
SOUND = {".mp4": "aac", ".mkv": "flac", ".mov": "pcm_s16le", ".webm": "libopus", ".avi": "mp3",
         ".ts": "aac"}


def drawings(count, size=SIZE, each=1):
    """Gray frames of the drawn episode, each shown some times."""
    return [gray_frame(2 * (number // each), size).copy() for number in range(count)]


@functools.cache
def gray_frame(index, size):
    return cv2.resize(pixels.gray(episode.draw_frame(index)), size[::-1],
                      interpolation=cv2.INTER_AREA)


def write_film(path: Path, frames, codec="libx264", form="yuv420p", times=(), sound=None,
               options=(), aspect=None, rotation=0, tags=(), extras=False) -> None:
    """A film of gray frames, with a tone, and what else films hold."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream(codec, rate=24, options={"crf": "12", **dict(options)})
        stream.height, stream.width = frames[0].shape[:2]
        stream.pix_fmt = form
        for name, value in dict(tags).items():
            setattr(stream.codec_context, name, value)
        if aspect:
            stream.codec_context.sample_aspect_ratio = aspect
        if rotation:
            stream.set_display_rotation(rotation)
        if times:
            stream.codec_context.time_base = Fraction(1, 1000)
        tone = container.add_stream(sound, rate=48000) if sound else None
        if extras:
            container.metadata["title"] = "A film with all"
            stream.metadata["language"] = "jpn"
            container.set_chapters([{"id": 1, "start": 0, "end": 800,
                                     "time_base": Fraction(1, 1000),
                                     "metadata": {"title": "One"}}])
        if tone:
            wave = np.sin(np.arange(48000 * len(frames) // 24) / 20).astype(np.float32)
            sample = av.AudioFrame.from_ndarray(np.stack([wave, wave]), "fltp", "stereo")
            sample.sample_rate, sample.pts = 48000, 0
        for number, picture in enumerate(frames):
            frame = av.VideoFrame.from_ndarray(np.dstack([picture] * 3), "rgb24")
            if times:
                frame.pts, frame.time_base = round(1000 * times[number]), Fraction(1, 1000)
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
        if tone:
            container.mux(tone.encode(sample))
            container.mux(tone.encode())


def packets(path, kind):
    """The bytes of every packet of the streams of a kind."""
    with av.open(str(path)) as container:
        streams = [stream for stream in container.streams if stream.type == kind]
        return [bytes(packet) for packet in container.demux(streams) if packet.size] \
            if streams else []


def frames_of(path):
    """The times and the frames of a film."""
    read = list(media.read_video(path))
    return [frame.time for frame in read], [frame.decoded for frame in read]


def colors_of(frame):
    """The chroma planes of a frame in 4:2:0, int [2, h, w]."""
    return np.stack([planes._plane(frame, number).astype(int) for number in (1, 2)])


@pytest.mark.parametrize("suffix", sorted(SOUND))
def test_each_container_keeps_its_sound_byte_for_byte(suffix, models, tmp_path):
    source, out = tmp_path / f"in{suffix}", tmp_path / f"out{suffix}"
    codec = {".webm": "libvpx-vp9", ".avi": "mpeg4"}.get(suffix, "libx264")
    options = {"deadline": "realtime", "cpu-used": "8"} if suffix == ".webm" else {}
    write_film(source, drawings(30), codec, sound=SOUND[suffix], options=options)
    report = colorize.colorize(models, [source], out)
    assert not report.failed and report.colored == {out: models.pages.name}
    assert packets(out, "audio") == packets(source, "audio") != []
    (old_times, old), (times, new) = frames_of(source), frames_of(out)
    assert len(new) == len(old) == 30
    np.testing.assert_allclose(np.diff(times), np.diff(old_times), atol=0.0011)
    for before, after in zip(old, new, strict=True):
        luma = [planes._plane(frame, 0).astype(int) for frame in (before, after)]
        assert np.abs(luma[1] - luma[0]).mean() < 2
    assert np.ptp(colors_of(new[15])) > 10, "it has no colour"
    assert not list(tmp_path.rglob("*.nut"))


def test_metadata_chapters_subtitles_and_attachments_are_copied(models, tmp_path):
    plain, source, out = tmp_path / "plain.mkv", tmp_path / "in.mkv", tmp_path / "out.mkv"
    write_film(plain, drawings(24), sound="flac", extras=True)
    (tmp_path / "lines.srt").write_text("1\n00:00:00,100 --> 00:00:00,900\nHello!\n")
    with av.open(str(plain)) as film, av.open(str(tmp_path / "lines.srt")) as lines, \
            av.open(str(source), "w") as both:
        copies = {stream.index: both.add_stream_from_template(stream) for stream in film.streams}
        copies[0].metadata["language"] = "jpn"
        both.metadata.update(film.metadata)
        both.set_chapters(film.chapters())
        said = both.add_stream_from_template(lines.streams[0])
        said.metadata["title"] = "Songs"
        both.add_attachment("font.ttf", "font/ttf", b"letters")
        for packet in lines.demux():
            if packet.size:
                packet.stream = said
                both.mux(packet)
        for packet in film.demux():
            if packet.size:
                packet.stream = copies[packet.stream.index]
                both.mux(packet)
    assert not colorize.colorize(models, [source], out).failed
    with av.open(str(source)) as old, av.open(str(out)) as new:
        assert new.metadata["title"] == "A film with all"
        assert new.streams.video[0].metadata["language"] == "jpn"
        assert [(each["start"], each["metadata"]) for each in new.chapters()] == \
            [(each["start"], each["metadata"]) for each in old.chapters()] != []
        assert [stream.type for stream in new.streams] == [stream.type for stream in old.streams]
        assert new.streams.subtitles[0].metadata["title"] == "Songs"
        assert new.streams.attachments[0].data == b"letters"
    assert packets(out, "subtitle") == packets(source, "subtitle") != []


def test_variable_frame_rate_stays_variable(models, tmp_path):
    source, out = tmp_path / "in.mp4", tmp_path / "out.mp4"
    write_film(source, drawings(len(TIMES)), times=TIMES)
    colorize.colorize(models, [source], out)
    (before, _), (after, _) = frames_of(source), frames_of(out)
    assert after == before and after[-1] == TIMES[-1]


@pytest.mark.parametrize(("size", "codec", "form"), [
    ((95, 143), "ffv1", "yuv420p"), ((96, 144), "libx264", "yuv420p10le"),
    ((96, 144), "libx264", "yuv444p"), ((96, 144), "ffv1", "gray"), ((96, 144), "ffv1", "bgr0")])
def test_odd_sizes_depths_and_layouts_are_kept_exactly(size, codec, form, models, tmp_path):
    """FFV1 loses nothing: every luma code is as it was."""
    source, out = tmp_path / "in.mkv", tmp_path / "out.mkv"
    write_film(source, drawings(6, size), codec, form)
    report = colorize.colorize(models, [source], out, colorize.Settings(codec="ffv1"))
    assert not report.failed
    (_, old), (_, new) = frames_of(source), frames_of(out)
    assert (new[0].height, new[0].width) == size and len(new) == 6
    layout = planes.layout_of(old[0], "ffv1")
    for before, after in zip(old, new, strict=True):
        np.testing.assert_array_equal(planes.luma(before, layout), planes._plane(after, 0))
    by_default = colorize.colorize(models, [source], tmp_path / "x264.mkv")
    assert not by_default.failed
    assert (frames_of(tmp_path / "x264.mkv")[1][0].height) == size[0]


def test_rotation_shape_of_pixels_and_colour_tags_are_kept(models, tmp_path):
    source, out = tmp_path / "in.mp4", tmp_path / "out.mp4"
    tags = {"colorspace": 1, "color_primaries": 1, "color_trc": 1, "color_range": 2}
    write_film(source, drawings(6), aspect=Fraction(4, 3), rotation=90, tags=tags)
    colorize.colorize(models, [source], out)
    with av.open(str(source)) as old, av.open(str(out)) as new:
        assert new.streams.video[0].sample_aspect_ratio == Fraction(4, 3)
        a, b = next(old.decode(video=0)), next(new.decode(video=0))
        assert b.rotation == a.rotation != 0
        assert (b.colorspace, b.color_primaries, b.color_trc, b.color_range) == (1, 1, 1, 2)


def test_held_drawings_keep_their_chroma_and_the_flicker_is_less(models, tmp_path):
    source, out = tmp_path / "in.mkv", tmp_path / "out.mkv"
    noise = np.random.default_rng(0)
    frames = [np.clip(drawing + noise.normal(0, 1, SIZE), 0, 255).astype(np.uint8)
              for drawing in drawings(40, each=4)]
    write_film(source, frames, "ffv1")
    report = colorize.colorize(models, [source], out, colorize.Settings(codec="ffv1"))
    record = json.loads((tmp_path / "out.mkv.job" / "report.json").read_text())["pages"][0]
    assert record["frames"] == 40 and record["held"] >= 28
    assert record["flicker_after"] < record["flicker_before"]
    assert "held; flicker" in report.films[0]
    colors = [colors_of(frame) for frame in frames_of(out)[1]]
    still = [np.array_equal(*colors[number:number + 2]) for number in range(39)]
    assert sum(still) == record["held"]


def with_captions(packet: av.Packet, text: bytes) -> av.Packet:
    """Puts captions of CEA-608 before a picture of H.264, as broadcasts carry them."""
    triplets = b"".join(b"\xfc" + text[at:at + 2] for at in range(0, len(text), 2))
    body = b"\xb5\x00\x31GA94\x03" + bytes([0xc0 | len(triplets) // 3, 0xff]) + triplets + b"\xff"
    unit = b"\x00\x00\x00\x01\x06\x04" + bytes([len(body)]) + body + b"\x80"
    new = av.Packet(unit + bytes(packet))
    new.pts, new.dts, new.time_base = packet.pts, packet.dts, packet.time_base
    new.stream, new.is_keyframe = packet.stream, packet.is_keyframe
    return new


def captions_of(path):
    """The captions of each frame."""
    return [bytes(frame.side_data.get("A53_CC") or b"") for frame in frames_of(path)[1]]


@pytest.mark.parametrize("frames", [1, 2])
def test_a_film_of_one_or_two_frames_can_be_encoded_by_x265(tmp_path, frames):
    source, piece = tmp_path / "in.mp4", tmp_path / "piece.nut"
    write_film(source, drawings(frames))
    film = Film.open(source, tmp_path / "out.mp4", colorize.Settings(codec="libx265"))
    noise, kept = np.random.default_rng(0), [b""] * 30
    for turn in range(60):  # it leaves times of decoding as they are found in memory: noise
        kept[turn % 30] = noise.bytes(int(noise.integers(1000, 1 << 21)))
        encoder = film_writer.Encoder(piece, film.encoding)
        for pts, frame in film.frames():
            luma = planes.luma(frame.decoded, film.layout)
            encoder.encode(planes.uncolored(luma, film.layout), pts)
        encoder.close()
        assert len([*film_writer._packets([piece])]) == frames


def test_captions_in_the_pictures_are_kept_or_told(models, tmp_path):
    source = tmp_path / "in.ts"
    with av.open(str(source), "w") as container:
        stream = container.add_stream("libx264", rate=24, options={"bf": "2"})
        stream.height, stream.width = SIZE
        made = []
        for picture in drawings(6):
            made += stream.encode(av.VideoFrame.from_ndarray(np.dstack([picture] * 3), "rgb24"))
        for number, packet in enumerate(made + stream.encode()):
            container.mux(with_captions(packet, b"hello%d" % number) if number != 3 else packet)
    assert sum(map(bool, captions_of(source))) == 5
    for suffix, codec in ((".mp4", None), (".ts", "libx265"), (".mkv", "ffv1")):
        out = tmp_path / f"out{suffix}"
        report = colorize.colorize(models, [source], out, colorize.Settings(codec=codec))
        assert not report.failed, report.failed
        if codec == "ffv1":
            assert "captions in its pictures left out, as ffv1 takes none: 5" in report.films[0]
        else:
            assert captions_of(out) == captions_of(source) and "left out" not in report.films[0]


def test_the_captions_of_a_broadcast_are_kept(models, real_data, tmp_path):
    source = real_data.parent / "cases" / "captions_cea608.ts"
    if not source.exists():
        pytest.skip("there is no captions_cea608.ts beside the data")
    settings = colorize.Settings(treat_as="gray")
    colorize.colorize(models, [source], tmp_path / "out.ts", settings)
    assert captions_of(tmp_path / "out.ts") == captions_of(source)
    assert any(captions_of(source))


def test_colour_shots_keep_their_chroma_and_logos_their_hue(models, tmp_path):
    """Gray with a logo, then in colour, within one shot."""
    source, out = tmp_path / "in.mkv", tmp_path / "out.mkv"
    colors = [cv2.resize(episode.draw_frame(number), SIZE[::-1], interpolation=cv2.INTER_AREA)
              for number in range(25)]
    for picture in colors[:10]:
        picture[:] = pixels.gray(picture)[..., None]
        picture[8:16, 110:120] = 220, 30, 40
    with av.open(str(source), "w") as container:
        stream = container.add_stream("ffv1", rate=24)
        stream.height, stream.width = SIZE
        for picture in colors:
            container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, "rgb24")))
        container.mux(stream.encode())
    report = colorize.colorize(models, [source], out, colorize.Settings(codec="ffv1"))
    record, = json.loads((tmp_path / "out.mkv.job" / "report.json").read_text())["pages"]
    assert record["color_share"] == 0.6 and record["frames"] == 25
    assert "60.0% of its frames were in colour, and keep their chroma" in report.films[0]
    (_, old), (_, new) = frames_of(source), frames_of(out)
    for number, (before, after) in enumerate(zip(old, new, strict=True)):
        np.testing.assert_array_equal(planes._plane(before, 0), planes._plane(after, 0))
        was, now = colors_of(before), colors_of(after)
        if number < 10:
            np.testing.assert_array_equal(now[:, 4:8, 55:60], was[:, 4:8, 55:60])
            assert np.ptp(now[:, 12:]) > 10 and not np.ptp(was[:, 12:])
        else:
            np.testing.assert_array_equal(now, was)


def test_chroma_is_steadied_within_a_shot_and_not_across_a_cut():
    noise, steadier = np.random.default_rng(0), Steadier()
    guide = cv2.GaussianBlur(noise.integers(0, 256, (64, 96), np.uint8), (0, 0), 2)
    raw = [noise.normal(30, 10, (64, 96, 2)).astype(np.float32) for _ in range(8)]
    steadied = [steadier.steady(guide, each) for each in raw]
    before, after = steadier.flicker.means()
    assert after < 0.5 * before
    assert np.abs(steadied[-1] - raw[-1]).mean() > 3
    steadier.cut()
    np.testing.assert_array_equal(steadier.steady(guide, raw[0]), raw[0])
    assert steadier.flicker.frames == 7


def test_chroma_follows_what_moves():
    """A textured square goes right, its colour noisy; noise becomes less, and it keeps its own."""
    noise, steadier = np.random.default_rng(1), Steadier()
    ground = cv2.GaussianBlur(noise.integers(60, 120, (80, 120), np.uint8), (0, 0), 1.5)
    square = cv2.normalize(cv2.GaussianBlur(noise.integers(0, 256, (30, 30), np.uint8), (0, 0), 2),
                           None, 0, 255, cv2.NORM_MINMAX)
    for number, left in enumerate(range(20, 44, 4)):
        guide, truth = ground.copy(), np.zeros((80, 120, 2), np.float32)
        guide[20:50, left:left + 30] = square
        truth[20:50, left:left + 30] = 40
        steadied = steadier.steady(guide, truth + np.float32(8 * (-1) ** number))
    wrong = np.abs(steadied - truth)
    assert wrong[24:46, left + 4:left + 26].mean() < 5 and wrong[:, left + 34:].mean() < 5


def test_a_colour_film_is_copied_unless_it_is_treated_as_gray(models, film, tmp_path):
    short = tmp_path / "short.mp4"
    episode.write_video(short, slice(0, 40))
    report = colorize.colorize(models, [short], tmp_path / "out")
    assert (tmp_path / "out" / "short.mp4").read_bytes() == short.read_bytes()
    assert "copied untouched" in report.films[0]
    colorize.colorize(models, [short], tmp_path / "gray", colorize.Settings(treat_as="gray"))
    assert (tmp_path / "gray" / "short.mp4").read_bytes() != short.read_bytes()


def test_a_killed_film_goes_on_after_its_whole_pieces(models, runs, tmp_path, monkeypatch):
    source, out = tmp_path / "in.mkv", tmp_path / "out.mkv"
    monkeypatch.setattr(film_module, "PIECE", 160)
    frames = drawings(3 * film_module.PIECE + 50, each=2)
    write_film(source, frames, options={"preset": "ultrafast"}, sound="flac")
    code = ("import sys; from keras_colorize import cli; from keras_colorize.colorize import film\n"
            "film.PIECE = 160; sys.exit(cli.main(sys.argv[1:]))")
    process = subprocess.Popen([sys.executable, "-c", code, "colorize", str(runs["gan_gray"]),
                                str(source), "--out", str(out)], stderr=subprocess.DEVNULL)
    wait_for(lambda: len(list(tmp_path.rglob("piece*.nut"))) >= 2, process)
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert not out.exists()
    kept = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("piece*.nut")}
    seen = []
    write = film_module.film_writer.Encoder
    film_module.film_writer.Encoder = lambda *args: seen.append(args[0]) or write(*args)
    bars, bar = [], film_module.tqdm
    monkeypatch.setattr(film_module, "tqdm",
                        lambda *args, **named: bars.append(bar(*args, **named)) or bars[-1])
    try:
        report = colorize.colorize(models, [source], out)
    finally:
        film_module.film_writer.Encoder = write
    assert not report.failed and len(seen) == 4 - len(kept) <= 2
    assert bars[0].initial == len(kept) * film_module.PIECE and bars[0].n == len(frames)
    times, made = frames_of(out)
    assert len(made) == len(frames) and (np.diff(times) > 0).all()
    assert packets(out, "audio") == packets(source, "audio")
    assert colorize.colorize(models, [source], out).found_done == 1


def test_a_held_frame_keeps_its_chroma_across_a_kill():
    noise, layout = np.random.default_rng(0), planes.Layout(64, 96, False, True, 1, "yuv420p")
    codes, again = (noise.integers(100, 140, (64, 96), np.uint8) for _ in "ab")
    values = noise.normal(0, 20, (64, 96, 2)).astype(np.float32)
    written = film_module.Written()
    first = film_module._frame(film_module.Shown(0, 0, codes, False, False, values, codes), layout,
                               "luminance", written)
    written = film_module.Written.restored(written.state())
    held = film_module.Shown(1, 1, again, False, True, values, codes)
    second = film_module._frame(held, layout, "luminance", written)
    np.testing.assert_array_equal(colors_of(first), colors_of(second))
    assert (written.held, written.change) == (1, 0)
    written.made = tuple(np.where(plane > 127, plane - 3, plane + 3) for plane in written.made)
    film_module._frame(held, layout, "luminance", written)
    assert (written.held, written.change) == (2, 3)


def test_a_film_cut_short_is_told_and_leaves_no_film(models, film, tmp_path):
    source = tmp_path / "in.mkv"
    write_film(source, drawings(200), options={"preset": "ultrafast"})
    source.write_bytes(source.read_bytes()[:source.stat().st_size // 3])
    report = colorize.colorize(models, [source], tmp_path / "out")
    assert "in.mkv: " in report.failed[0] and not (tmp_path / "out" / "in.mkv").exists()


def test_what_a_container_cannot_hold_is_told(models, tmp_path):
    source = tmp_path / "in.mkv"
    write_film(source, drawings(5), sound="flac")
    report = colorize.colorize(models, [source], tmp_path / "out.webm")
    assert "name a --out that ends in .mkv" in report.failed[0]
    assert not (tmp_path / "out.webm").exists()
    with pytest.raises(UsageError, match="is no encoder that is known here"):
        colorize.colorize(models, [source], tmp_path / "other.mkv",
                           colorize.Settings(codec="paint"))


def test_the_networks_own_picture_and_ink_are_films_too(models, tmp_path):
    source = tmp_path / "in.mkv"
    write_film(source, drawings(5))
    for lock in ("none", "ink"):
        out = tmp_path / f"{lock}.mkv"
        assert not colorize.colorize(models, [source], out, colorize.Settings(lock=lock)).failed
        assert len(frames_of(out)[1]) == 5


@pytest.mark.parametrize("matrix", sorted(planes.MATRICES))
def test_colours_come_back_from_a_films_chroma(matrix):
    """Codes of a colour, made back into RGB by the matrix's own definition."""
    layout = planes.Layout(4, 4, False, True, matrix, "yuv444p")
    color = np.full((4, 4, 3), (180, 110, 60), np.uint8)
    red_weight, blue_weight = planes.MATRICES[matrix]
    luma = float(color[0, 0] @ (red_weight, 1 - red_weight - blue_weight, blue_weight))
    chroma = planes.to_matrix(pixels.chroma(color), layout)
    surface = np.full((4, 4), round(luma), np.uint8)
    blue, red = (float(plane[0, 0]) - 128 for plane in planes.chroma_codes(chroma, surface, layout))
    assert abs(luma + red * 2 * (1 - red_weight) - 180) < 2
    assert abs(luma + blue * 2 * (1 - blue_weight) - 60) < 2
