from fractions import Fraction

import av
import numpy as np
import pytest
from media_files import scenes

from keras_colorize.errors import SourceError
from keras_colorize.media import film_writer

FRAMES = 4
TEXT = "1\n00:00:00,010 --> 00:00:00,090\nHello!\n"


def write(path, sound=None, subtitles=None, font=False, cover=None, tags=(), chapters=False):
    """A film of a few frames with what else films hold."""
    options = {"movflags": "use_metadata_tags"} if any("." in name for name in dict(tags)) else {}
    lines = path.with_name("lines.srt")
    lines.write_text(TEXT)
    with av.open(str(path), "w", options=options) as new, av.open(str(lines)) as text:
        film = new.add_stream("libx264", rate=24, options={"bf": "0"})
        film.height, film.width, film.pix_fmt = 48, 64, "yuv420p"
        tone = new.add_stream(sound, rate=48000, layout="stereo") if sound else None
        said = new.add_stream_from_template(text.streams[0]) if subtitles else None
        if font:
            new.add_attachment("Font.ttf", "font/ttf", b"letters")
        if cover:
            new.add_attachment(*cover)
        if chapters:
            new.set_chapters([{"id": 1, "start": 0, "end": 100, "time_base":
                               Fraction(1, 1000), "metadata": {"title": "One"}}])
        new.metadata.update(dict(tags))
        if said:
            said.metadata["language"] = "jpn"
        for picture in scenes(FRAMES, (48, 64)):
            new.mux(film.encode(av.VideoFrame.from_ndarray(picture, "rgb24")))
        new.mux(film.encode())
        if tone:
            heard = av.AudioFrame.from_ndarray(np.zeros((2, 8000), np.float32), "fltp", "stereo")
            heard.rate, heard.pts = 48000, 0
            new.mux(tone.encode(heard))
            new.mux(tone.encode())
        for packet in text.demux() if said else ():
            if packet.size:
                packet.stream = said
                new.mux(packet)


def png():
    """A cover, as `write` takes it."""
    encoder = av.CodecContext.create("png", "w")
    encoder.width, encoder.height, encoder.pix_fmt = 8, 8, "rgb24"
    encoder.time_base = Fraction(1, 25)
    frame = av.VideoFrame.from_ndarray(np.zeros((8, 8, 3), np.uint8), "rgb24")
    return "cover.png", "image/png", bytes(encoder.encode(frame)[0])


@pytest.mark.parametrize(("held", "suffix", "notes"), [
    ({"font": True}, ".mp4", ["attachment Font.ttf, which .mp4 cannot hold, left out: 1"]),
    ({"font": True}, ".webm", None), ({"font": True}, ".mkv", []),
    ({"subtitles": True}, ".mp4", ["subtitles (srt, jpn), which .mp4 cannot hold, left out: 1"]),
    ({"subtitles": True}, ".ts", ["subtitles (srt, jpn), which .ts cannot hold, left out: 1"]),
    ({"subtitles": True, "font": True}, ".flv",
     ["subtitles (srt, jpn), which .flv cannot hold, left out: 1",
      "attachment Font.ttf, which .flv cannot hold, left out: 1"]),
    ({"cover": png()}, ".mkv", []), ({"cover": png()}, ".mp4", []),
    ({"cover": png()}, ".flv", ["cover cover.png, which .flv cannot hold, left out: 1"]),
    ({"chapters": True}, ".ts", ["chapters, which .ts cannot hold, left out: 1"]),
    ({"sound": "aac"}, ".ts", []), ({"sound": "mp2"}, ".ts", []), ({"sound": "aac"}, ".m2ts", []),
    ({"sound": "flac"}, ".ts", None)])
def test_what_a_container_cannot_hold_is_named_and_left_out(held, suffix, notes, tmp_path):
    source, out = tmp_path / "in.mkv", tmp_path / f"out{suffix}"
    write(source, **held)
    if notes is None:
        with pytest.raises(SourceError, match=r"cannot hold the film's (sound \(flac|pictures \()"):
            film_writer.remux(source, out)
        assert not out.exists()
        return
    assert film_writer.remux(source, out) == notes
    with av.open(str(source)) as old, av.open(str(out)) as new:
        kinds = [stream.type for stream in new.streams]
        assert len(kinds) == len(old.streams) - sum("chapters" not in note for note in notes)
        assert "data" not in kinds
        if "cover" in held and not notes:
            assert bytes(next(new.demux(new.streams.video[1]))) == held["cover"][2]


TAGS = {"creation_time": "2019-05-04T10:11:12.000000Z", "title": "Trip",
        "location": "+48.1000+011.5000/"}
CAMERAS = {"com.apple.quicktime.location.ISO6709": "+48.1000+011.5000+100.000/",
           "com.apple.quicktime.make": "Maker"}


@pytest.mark.parametrize(("tags", "first", "second"), [
    (TAGS, ".mp4", ".mp4"), (TAGS, ".mp4", ".mov"), (TAGS, ".mov", ".mp4"), (TAGS, ".mp4", ".mkv"),
    (TAGS, ".mkv", ".mp4"), (TAGS, ".mp4", ".m4v"), (CAMERAS, ".mov", ".mov"),
    (CAMERAS, ".mov", ".mp4"), (CAMERAS, ".mov", ".mkv")])
def test_when_where_and_by_what_a_film_was_taken_is_kept(tags, first, second, tmp_path):
    source, out = tmp_path / f"in{first}", tmp_path / f"out{second}"
    write(source, tags=tags)
    film_writer.remux(source, out)
    with av.open(str(out)) as new:
        found = {name.lower(): value for name, value in new.metadata.items()}
    assert {name: found.get(name.lower()) for name in tags} == tags
