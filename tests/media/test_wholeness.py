import av
import numpy as np
import pytest
from media_files import scenes

from keras_colorize import media
from keras_colorize.errors import SourceError

RATE, FRAMES = 25, 50


def write(path, codec="libx264", offset=0.0, sound=0.0, hidden=0):
    """Two seconds of scenes at a time `offset`, with seconds of sound, the first frames `hidden`.

    Packets lie in the order of their times; those before time 0 become samples that MP4 hides.
    """
    muxed = []
    rates = {"avoid_negative_ts": "disabled"} if hidden else {}
    with av.open(str(path), "w", options=rates) as container:
        stream = container.add_stream(codec, rate=RATE)
        stream.height, stream.width, stream.pix_fmt = 48, 64, "yuv420p"
        stream.options = {"g": "5", "bf": "2"} if codec == "libx264" else {}
        tone = container.add_stream("libmp3lame", rate=44100, layout="mono") if sound else None
        for picture in scenes(FRAMES, (48, 64)):
            muxed += stream.encode(av.VideoFrame.from_ndarray(picture, "rgb24"))
        muxed += stream.encode()
        for number in range(round(sound * 44100 / 1152)):
            noise = np.random.default_rng(number).uniform(-1, 1, (1, 1152)).astype(np.float32)
            heard = av.AudioFrame.from_ndarray(noise, "fltp", "mono")
            heard.rate, heard.pts = 44100, number * 1152
            muxed += tone.encode(heard)
        muxed += tone.encode() if tone else []
        shift = offset - hidden / RATE
        for packet in sorted(muxed, key=lambda packet: float(packet.dts * packet.time_base)):
            packet.pts += round(shift / packet.time_base)
            packet.dts += round(shift / packet.time_base)
            container.mux(packet)


def cut(path, share=0.5):
    path.write_bytes(path.read_bytes()[:round(path.stat().st_size * share)])


WHOLE = {
    "twice_the_rate.avi": {}, "music.avi": {"sound": 20}, "music.flv": {"sound": 20},
    "music.mkv": {"sound": 20}, "music.wmv": {"sound": 20, "codec": "wmv2"},
    "music.mov": {"sound": 20}, "music.ts": {"sound": 20}, "broadcast.ts": {"offset": 3600},
    "broadcast.mkv": {"offset": 3600}, "broadcast.flv": {"offset": 3600},
    "broadcast.wmv": {"offset": 3600, "codec": "wmv2"}, "trimmed.mp4": {"hidden": 23},
    "trimmed.mov": {"hidden": 20},
}
CUT = {
    "twice_the_rate.avi": {}, "music.flv": {"sound": 20}, "with_sound.mkv": {"sound": 2},
    "music.wmv": {"sound": 20, "codec": "wmv2"}, "short.mkv": {}, "short.flv": {},
    "broadcast.mkv": {"offset": 3600}, "broadcast.flv": {"offset": 3600},
    "broadcast.wmv": {"offset": 3600, "codec": "wmv2"},
}


@pytest.mark.parametrize("name", WHOLE)
def test_a_whole_video_is_read_whatever_lengths_its_container_declares(name, tmp_path):
    write(tmp_path / name, **WHOLE[name])
    frames = sum(1 for _ in media.read_video(tmp_path / name))
    assert frames == FRAMES - WHOLE[name].get("hidden", 0)


@pytest.mark.parametrize("name", CUT)
def test_a_video_without_its_second_half_is_refused(name, tmp_path):
    write(tmp_path / name, **CUT[name])
    cut(tmp_path / name, 0.7 if name.endswith(".avi") else 0.5)  # AVI begins with a long header
    with pytest.raises(SourceError, match="is cut short"):
        for _ in media.read_video(tmp_path / name):
            pass


def test_a_trimmed_mp4_is_refused_where_shown_frames_are_missing(tmp_path):
    path = tmp_path / "trimmed.mp4"
    write(tmp_path / "whole.mp4", hidden=20)
    with av.open(str(tmp_path / "whole.mp4")) as old, \
            av.open(str(path), "w", options={"movflags": "+faststart"}) as new:
        stream = new.add_stream_from_template(old.streams.video[0])
        for packet in old.demux(video=0):
            if packet.size:
                packet.stream = stream
                new.mux(packet)
    cut(path, 0.8)
    with pytest.raises(SourceError, match=r"is cut short: \d+ of \d+ declared frames"):
        for _ in media.read_video(path):
            pass


def test_frames_that_an_avi_repeats_at_its_end_are_no_loss(tmp_path):
    path = tmp_path / "repeated.avi"
    write(path, "mpeg4")
    file = bytearray(path.read_bytes())
    at = file.index(b"strh") + 8 + 32  # the number of frames that the stream declares
    file[at:at + 4] = (FRAMES + 10).to_bytes(4, "little")
    path.write_bytes(file)
    assert sum(1 for _ in media.read_video(path)) == FRAMES
    cut(path, 0.7)
    with pytest.raises(SourceError, match=f"is cut short: .* of {FRAMES + 10} declared frames"):
        for _ in media.read_video(path):
            pass


@pytest.mark.parametrize("name, offset", [("late.ts", 50001.4), ("wrapping.ts", 2**33 / 90000 - 3),
                                          ("late.mkv", 3600), ("late.flv", 3600),
                                          ("late.mp4", 12), ("b_frames.avi", 0)])
def test_times_count_from_the_first_frame(name, offset, tmp_path):
    write(tmp_path / name, offset=offset)
    times = [frame.time for frame in media.read_video(tmp_path / name)]
    assert times[0] == 0 and len(times) == FRAMES
    assert times == pytest.approx([number / RATE for number in range(FRAMES)], abs=0.002)


def test_times_go_on_where_the_clock_of_a_recording_is_set_back(tmp_path):
    for name in ("a", "b"):
        write(tmp_path / f"{name}.ts", offset=100 if name == "a" else 3)
    both = tmp_path / "both.ts"
    both.write_bytes(b"".join((tmp_path / f"{name}.ts").read_bytes() for name in "ab"))
    times = [frame.time for frame in media.read_video(both)]
    assert times == pytest.approx([number / RATE for number in range(len(times))], abs=0.002)
    assert len(times) >= 2 * FRAMES - 3


@pytest.mark.parametrize("suffix", [".mp4", ".mov", ".m4v"])
def test_an_encrypted_film_is_called_so(suffix, tmp_path):
    path = tmp_path / f"in{suffix}"
    keys = {"encryption_scheme": "cenc-aes-ctr",
            "encryption_key": "76a6c65c5ea762046bd749a2e632ccbb",
            "encryption_kid": "a7e61c373e219033c21091fa607bf3b8"}
    with av.open(str(path), "w", format="mp4", options=keys) as container:
        stream = container.add_stream("libx264", rate=RATE)
        stream.height, stream.width, stream.pix_fmt = 48, 64, "yuv420p"
        for picture in scenes(5, (48, 64)):
            container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, "rgb24")))
        container.mux(stream.encode())
    with pytest.raises(SourceError, match="is encrypted; give a copy without protection"):
        next(media.read_video(path))
