"""What a film holds beside its pictures, or all of it, copied packet by packet."""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import av

from keras_colorize.errors import SourceError
from keras_colorize.files import whole_file
from keras_colorize.media.video import open_video

UNTOLD = 64  # packets without a time, more than any reordering of frames makes
_OWN_TAGS = frozenset(("encoder", "major_brand", "minor_version", "compatible_brands", "duration",
                       "creation_time", "handler_name", "vendor_id"))  # that the muxer writes


def remux(source: Path, target: Path) -> list[str]:
    """Writes a film into another container, packet by packet; returns what is left out, in words.

    Raises:
        SourceError: the container of `target` cannot hold what the source holds.
    """
    left = Counter()
    with whole_file(target) as temporary:
        with told(target), open_video(source) as old, av.open(str(temporary), "w") as new:
            shown = old.streams.best("video")
            film = _copy(new, shown, target)
            streams = {shown.index: film, **take_over(new, film, old, target, left)}
            frames = 0
            for packet in copied_packets(old, streams, left):
                frames += packet.stream is film
                new.mux_one(packet)
        check_frames(temporary, target, frames)
    return said(left)


def said(left: Counter) -> list[str]:
    """What is left out, in words."""
    return [f"{what} left out: {number}" for what, number in left.items() if number]


def take_over(new: av.container.OutputContainer, film: av.VideoStream,
              old: av.container.InputContainer, target: Path, left: Counter,
              ) -> dict[int, av.stream.Stream]:
    """Gives the new film all that the old one holds but its pictures; returns the new streams.

    Sound, subtitles, covers, further films and fonts are copied, streams of bare data are not.
    """
    shown = old.streams.best("video")
    others = [stream for stream in old.streams if stream.index != shown.index]
    kept = [stream for stream in others
            if stream.type in ("audio", "subtitle", "video", "attachment")]
    if len(kept) < len(others):
        left["streams of data"] = len(others) - len(kept)
    film.metadata.update(_tags(shown.metadata))
    film.disposition = shown.disposition
    streams = {stream.index: _copy(new, stream, target) for stream in kept}
    new.metadata.update(_tags(old.metadata))
    new.set_chapters(old.chapters())
    return streams


def copied_packets(old: av.container.InputContainer, streams: dict[int, av.stream.Stream],
                   left: Counter) -> Iterator[av.Packet]:
    """The packets of the old film's streams, as those of the new ones that take them over.

    Matroska does not say when the first frames are decoded: that is told from the next ones.
    """
    demuxed = [stream for stream in old.streams
               if stream.index in streams and stream.type != "attachment"]
    waiting = {stream.index: [] for stream in demuxed}
    for packet in old.demux(demuxed) if demuxed else ():
        if not packet.size:
            continue
        untold = waiting[packet.stream.index]
        untold.append(packet)
        if packet.dts is None:
            if len(untold) > UNTOLD:
                left["packets without a time"] += 1
                del untold[0]
            continue
        for number, each in enumerate(untold):
            each.dts = packet.dts - (len(untold) - 1 - number) * (packet.duration or 1)
            each.stream = streams[each.stream.index]
            yield each
        untold.clear()
    left["packets without a time"] += sum(map(len, waiting.values()))


def check_frames(written: Path, target: Path, frames: int) -> None:
    """Raises SourceError where the film `written` does not hold as many frames as it was given."""
    with told(target), open_video(written) as container:
        stream = container.streams.best("video")
        found = sum(packet.size > 0 for packet in container.demux(stream)) if stream else 0
    if found != frames:
        raise SourceError(target, f"holds {found} of the film's {frames} frames",
                          "try another --codec, or name a --out that ends in .mkv")


@contextmanager
def told(target: Path) -> Iterator[None]:
    """Makes what FFmpeg says of writing a film the SourceError of `target`."""
    try:
        yield
    except (av.FFmpegError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise SourceError(target, f"cannot hold the film or its sound ({reason})",
                          "name a --out that ends in .mkv") from error


def _copy(new: av.container.OutputContainer, stream: av.stream.Stream, target: Path):
    try:
        copied = new.add_stream_from_template(stream, opaque=True)
    except (ValueError, av.FFmpegError) as error:
        raise SourceError(target, f"cannot hold the film's {stream.type}",
                          "name a --out that ends in .mkv") from error
    copied.metadata.update(_tags(stream.metadata))
    copied.disposition = stream.disposition
    return copied


def _tags(metadata: dict[str, str]) -> dict[str, str]:
    return {name: value for name, value in metadata.items()
            if name.lower() not in _OWN_TAGS and not name.startswith("_STATISTICS")}
