"""All that a film holds beside its pictures: other streams and tags, copied into the new film."""

from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import av
from av.stream import Disposition

from keras_colorize.errors import SourceError
from keras_colorize.media.video import open_video

IN_MATROSKA = "name a --out that ends in .mkv"
MOST_WAITING = 64  # packets without a time, more than any reordering of frames makes
_KINDS = {"subtitle": "subtitles", "video": "further pictures"}
_COVERED = frozenset((".mp4", ".mov"))  # containers that hold covers as streams
_CHAPTERED = frozenset((".mkv", ".webm", ".mp4", ".m4v", ".mov"))
_PICTURES = {"mjpeg": ("cover.jpg", "image/jpeg"), "png": ("cover.png", "image/png")}
_MUXERS_OWN_TAGS = frozenset(("encoder", "major_brand", "minor_version", "compatible_brands",
                              "duration", "vendor_id"))


def take_over(new: av.container.OutputContainer, film: av.VideoStream,
              old: av.container.InputContainer, target: Path, missing: Counter,
              ) -> dict[int, av.stream.Stream]:
    """Gives the new film all that the old one holds but its pictures; returns the new streams.

    Sound, subtitles, covers, further films and fonts are copied, streams of bare data are not. What
    the container of `target` cannot hold is left out and counted as `missing`; if that is sound,
    SourceError is raised.
    """
    shown, suffix = old.streams.best("video"), target.suffix.lower()
    film.metadata.update(tags_of(shown.metadata))
    film.disposition = shown.disposition
    streams = {}
    for stream in old.streams:
        if stream.index == shown.index:
            continue
        if stream.type == "data":
            missing["streams of data"] += 1
        elif suffix == ".mkv" and _is_cover(stream):
            _attach(new, stream)
        elif _is_held(stream, suffix):
            streams[stream.index] = copied_stream(new, stream, target)
        elif stream.type == "audio":
            raise _cannot_hold(target, stream)
        else:
            missing[f"{_name(stream)}, which {suffix} cannot hold,"] += 1
    new.metadata.update(tags_of(old.metadata))
    new.set_chapters(old.chapters())
    if suffix not in _CHAPTERED:
        missing[f"chapters, which {suffix} cannot hold,"] += len(old.chapters())
    return streams


def muxer_options(old: av.container.InputContainer | None, target: Path) -> dict[str, str]:
    """Returns the options by which a container keeps the tags of a film, those of cameras too."""
    has_long_names = old is not None and any("." in name for name in old.metadata)
    return {"movflags": "use_metadata_tags"} if has_long_names and \
        target.suffix.lower() in (".mp4", ".m4v", ".mov") else {}


def copied_stream(new: av.container.OutputContainer, stream: av.stream.Stream, target: Path,
                  ) -> av.stream.Stream:
    """Adds a stream like one of another film; raises SourceError if the container takes none."""
    try:
        copied = new.add_stream_from_template(stream, opaque=True)
    except (ValueError, av.FFmpegError) as error:
        raise _cannot_hold(target, stream) from error
    copied.metadata.update(tags_of(stream.metadata))
    copied.disposition = stream.disposition
    return copied


def tags_of(metadata: dict[str, str]) -> dict[str, str]:
    """Returns the tags that are not the container's own."""
    return {name: value for name, value in metadata.items()
            if name.lower() not in _MUXERS_OWN_TAGS and not name.startswith("_STATISTICS")}


def copied_packets(old: av.container.InputContainer, streams: dict[int, av.stream.Stream],
                   missing: Counter) -> Iterator[av.Packet]:
    """Gives the packets of the old film's streams, as those of the new ones.

    Matroska does not say when the first frames are decoded. Those wait for the first packet that
    has a time, from which theirs are counted back.
    """
    demuxed = [stream for stream in old.streams
               if stream.index in streams and stream.type != "attachment"]
    waiting = {stream.index: [] for stream in demuxed}
    for packet in old.demux(demuxed) if demuxed else ():
        if not packet.size:
            continue
        untimed = waiting[packet.stream.index]
        untimed.append(packet)
        if packet.dts is None and _is_cover(packet.stream):
            packet.pts = packet.dts = 0
        if packet.dts is None:
            if len(untimed) > MOST_WAITING:
                missing["packets without a time"] += 1
                del untimed[0]
            continue
        for number, each in enumerate(untimed):
            each.dts = packet.dts - (len(untimed) - 1 - number) * (packet.duration or 1)
            each.stream = streams[each.stream.index]
            yield each
        untimed.clear()
    missing["packets without a time"] += sum(map(len, waiting.values()))


def in_words(missing: Counter) -> list[str]:
    """Says what was left out."""
    return [f"{what} left out: {number}" for what, number in missing.items() if number]


def _is_cover(stream: av.stream.Stream) -> bool:
    return stream.type == "video" and bool(stream.disposition & Disposition.attached_pic)


def _cannot_hold(target: Path, stream: av.stream.Stream) -> SourceError:
    what = {"audio": "sound", "video": "pictures"}.get(stream.type, stream.type)
    return SourceError(target, f"cannot hold the film's {what} ({stream.name})", IN_MATROSKA)


def _is_held(stream: av.stream.Stream, suffix: str) -> bool:
    """Tries whether a container takes a stream.

    Transport streams take any, but give only some back as what they were.
    """
    if stream.type == "attachment" or _is_cover(stream):
        return suffix == ".mkv" or (_is_cover(stream) and suffix in _COVERED)
    with TemporaryDirectory() as folder:
        place = str(Path(folder) / f"tried{suffix.replace('.m2ts', '.ts')}")
        try:
            with av.open(place, "w") as new:
                copied = new.add_stream_from_template(stream, opaque=True)
                if suffix not in (".ts", ".m2ts") or stream.type == "video":
                    return True
                packet = _first_packet(stream) if stream.type == "audio" else av.Packet(bytes(16))
                packet.pts = packet.dts = 0
                packet.time_base, packet.stream = copied.time_base, copied
                new.mux_one(packet)
            with av.open(place) as again:
                return [each.type for each in again.streams] == [stream.type]
        except (av.FFmpegError, ValueError):
            return False


def _first_packet(stream: av.stream.Stream) -> av.Packet:
    with open_video(Path(stream.container.name)) as again:
        return next(again.demux(again.streams[stream.index]))


def _attach(new: av.container.OutputContainer, cover: av.VideoStream) -> None:
    """Attaches a cover, as Matroska has them."""
    tags = {name.lower(): value for name, value in cover.metadata.items()}
    name, form = _PICTURES.get(cover.name, ("cover", "application/octet-stream"))
    new.add_attachment(tags.get("filename", name), tags.get("mimetype", form),
                       bytes(_first_packet(cover)))


def _name(stream: av.stream.Stream) -> str:
    """Names a stream for a note."""
    if stream.type == "attachment" or _is_cover(stream):
        kind = "cover" if _is_cover(stream) else "attachment"
        return f"{kind} {stream.metadata.get('filename', '')}".strip()
    tags = [stream.name, *filter(None, map(stream.metadata.get, ("language", "title")))]
    return f"{_KINDS[stream.type]} ({', '.join(tag for tag in tags if tag != 'und')})"
