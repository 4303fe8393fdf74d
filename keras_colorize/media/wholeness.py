"""Videos that are cut short, told by what their picture stream lacks of what its file declares."""

import struct
from contextlib import suppress
from pathlib import Path

import av

_HEAD = 1 << 20  # bytes in which a file declares its size
_SEGMENT = bytes.fromhex("18538067")  # of Matroska
_ASF_PROPERTIES = bytes.fromhex("a1dcab8c47a9cf118ee400c00c205365")


class Wholeness:
    """Watches the packets of a video while it is read, and then says what it lacks."""

    def __init__(self, path: Path, container: av.container.InputContainer,
                 stream: av.VideoStream):
        self._container, self._stream = container, stream
        self._lacks_bytes = lacks_bytes(path, container.format.name)
        self._size, self._is_indexed = container.size, container.format.name.startswith("mov,")
        self.streams = [stream]
        """Those whose packets are to be seen: all, where only the whole file declares a length."""
        if not (self._is_indexed or stream.frames or own_seconds(stream)):
            self.streams = [each for each in container.streams
                            if each.type in ("video", "audio", "subtitle")]
        self._packets, self._ticks, self._step = 0, -1, 2
        self._ends: dict[int, int] = {}
        """Of each stream that was seen, by its index, when its last packet ends."""

    def see(self, packet: av.Packet) -> None:
        """Takes note of the next packet of one of `streams`, the empty last one included."""
        if not packet.size or packet.is_corrupt:
            return
        time = packet.pts if packet.pts is not None else packet.dts
        if time is not None:
            end = time + (packet.duration or 0)
            self._ends[packet.stream_index] = max(end, self._ends.get(packet.stream_index, end))
        if packet.stream is not self._stream:
            return
        self._packets += 1
        if packet.dts is not None:
            self._step, self._ticks = packet.dts - self._ticks, packet.dts

    def lack(self) -> str:
        """Says, after the last packet, what the video holds of what it declares; "" of a whole one.

        A file that has all the bytes that it declares is whole, whatever its numbers say.
        """
        if self._is_indexed and len(self._stream.index_entries):
            ends = [entry.pos + entry.size for entry in self._stream.index_entries]
            found = sum(end <= self._size for end in ends)
            return _frames(found, len(ends)) or self._lack_of_seconds(not self._stream.frames)
        if self._lacks_bytes is False:
            return ""
        if self._stream.frames and self._container.format.name == "avi":
            # Frames that repeat the one before lie between the packets, each a tick.
            return _frames(self._ticks + max(1, self._step), self._stream.frames)
        return _frames(self._packets, self._stream.frames) if self._stream.frames else \
            self._lack_of_seconds()

    def _lack_of_seconds(self, is_declared: bool = True) -> str:
        declared = declared_seconds(self._container, self._stream) if is_declared else 0.0
        if self._lacks_bytes and not declared:
            return "bytes are missing from its end"
        start = max(0.0, (self._container.start_time or 0) / av.time_base)
        if "Lavf" in str(self._container.metadata) and declared > start:
            declared -= start  # FFmpeg writes at what time a film ends, others how long it is
        spare = 2 / float(self._stream.average_rate or 25) if self._lacks_bytes else \
            0.1 * declared + 2
        end = max((float(ticks * self._container.streams[index].time_base)
                   for index, ticks in self._ends.items()), default=0.0)
        reached = max(0.0, end - start)
        return f"it ends at {reached:.0f} of {declared:.0f} seconds" \
            if reached < declared - spare else ""


def _frames(found: int, declared: int) -> str:
    return f"{found} of {declared} declared frames" if found < declared else ""


def own_seconds(stream: av.VideoStream) -> float:
    """Reads the length that Matroska declares of a stream; 0 where it does not."""
    with suppress(KeyError, ValueError):
        hours, minutes, seconds = map(float, stream.metadata["DURATION"].split(":"))
        return 3600 * hours + 60 * minutes + seconds
    return 0.0


def declared_seconds(container: av.container.InputContainer, stream: av.VideoStream) -> float:
    """Reads the length that the stream, or else the file, declares; 0 where neither does."""
    whole = (container.duration or 0) / av.time_base
    if stream.duration:
        return float(stream.duration * stream.time_base)
    own = own_seconds(stream)
    return min(own, whole) if own and whole else own or whole


def lacks_bytes(path: Path, form: str) -> bool | None:
    """Whether a file is shorter than it declares; None where it declares no size.

    Args:
        form: FFmpeg's name of its container.
    """
    read = {"avi": _of_avi, "matroska,webm": _of_matroska, "asf": _of_asf, "flv": _of_flv}.get(form)
    size = path.stat().st_size
    with path.open("rb") as file:
        declared = read(file.read(_HEAD)) if read else None
        while form == "avi" and declared and declared < size:  # parts follow beyond a gigabyte
            file.seek(declared)
            part = _of_avi(file.read(8))
            if part is None:
                break
            declared += part
    return declared > size if declared else None


def _of_avi(head: bytes) -> int | None:
    size = int.from_bytes(head[4:8], "little")
    return size + 8 if head[:4] == b"RIFF" and size else None


def _of_matroska(head: bytes) -> int | None:
    at = head.find(_SEGMENT) + 4
    if at < 4 or at == len(head) or not head[at]:
        return None
    length = 9 - head[at].bit_length()
    size = int.from_bytes(head[at:at + length], "big") & ((1 << 7 * length) - 1)
    return at + length + size if size + 1 < 1 << 7 * length else None  # all ones: not known


def _of_asf(head: bytes) -> int | None:
    at = head.find(_ASF_PROPERTIES)
    return int.from_bytes(head[at + 40:at + 48], "little") or None if at >= 0 else None


def _of_flv(head: bytes) -> int | None:
    at = head.find(b"filesize\0")
    if at < 0 or at + 17 > len(head):
        return None
    return int(max(0.0, min(1e18, struct.unpack(">d", head[at + 9:at + 17])[0]))) or None
