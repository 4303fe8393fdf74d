"""Interlaced frames made whole."""

from collections.abc import Iterator
from contextlib import suppress

import av


class Deinterlacer:
    """Decodes packets, passing frames through bwdif from the first interlaced one on."""

    def __init__(self, threads: int):
        self.threads, self.graph, self.size = threads, None, None

    def frames(self, packet: av.Packet) -> Iterator[av.VideoFrame]:
        """The frames that a packet completes; the empty last packet gives all that are left."""
        for frame in packet.decode():
            size = frame.width, frame.height
            if self.size not in (None, size):  # or the filter would stretch it to the former size
                yield from self._left()
            if self.graph is None and frame.interlaced_frame:
                self._begin(frame)
            self.size = size
            if self.graph is None:
                yield frame
            else:
                self.graph.push(frame)
                yield from self._pulled()
        if packet.size == 0:
            yield from self._left()

    def _begin(self, frame: av.VideoFrame) -> None:
        self.graph = av.filter.Graph()
        self.graph.threads = self.threads
        self.graph.link_nodes(
            self.graph.add_buffer(width=frame.width, height=frame.height,
                                  format=frame.format, time_base=frame.time_base),
            self.graph.add("bwdif", "mode=send_frame:deint=interlaced"),
            self.graph.add("buffersink")).configure()

    def _left(self) -> Iterator[av.VideoFrame]:
        if self.graph is not None:
            self.graph.push(None)
            yield from self._pulled()
            self.graph = None

    def _pulled(self) -> Iterator[av.VideoFrame]:
        with suppress(av.BlockingIOError, av.EOFError):
            while True:
                yield self.graph.pull()
