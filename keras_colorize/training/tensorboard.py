"""TensorBoard event files: raw values and pictures in, a clean cut for resuming, values out."""

import time
from collections.abc import Callable, Iterable
from pathlib import Path

import numpy as np
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from tensorboard.backend.event_processing.event_file_loader import LegacyEventFileLoader
from tensorboard.compat.proto.event_pb2 import Event
from tensorboard.compat.proto.summary_pb2 import Summary
from tensorboard.plugins.hparams import metadata as hparams_metadata
from tensorboard.plugins.hparams import summary_v2 as hparams_summary
from tensorboard.plugins.text import summary_v2 as text_summary
from tensorboard.summary.writer.event_file_writer import EventFileWriter

from keras_colorize import media

PATTERN = "events.out.tfevents.*"
DESCRIPTION = ("config", hparams_metadata.SESSION_START_INFO_TAG)
"""The tags that `EventLog.describe` writes."""


class EventLog:
    """Writes one folder of event files, a TensorBoard "run"."""

    def __init__(self, folder: Path):
        self._writer = EventFileWriter(str(folder))

    def scalars(self, step: int, values: dict[str, float]) -> None:
        """Writes values under their tags, as one event."""
        self._write(step, [Summary.Value(tag=tag, simple_value=value)
                           for tag, value in values.items()])

    def picture(self, step: int, tag: str, picture: np.ndarray) -> None:
        """Writes a uint8 RGB picture [h, w, 3]."""
        image = Summary.Image(height=picture.shape[0], width=picture.shape[1], colorspace=3,
                              encoded_image_string=media.encode_picture(picture))
        self._write(step, [Summary.Value(tag=tag, image=image)])

    def describe(self, config: str, values: dict[str, bool | float | str]) -> None:
        """Writes a run's configuration, as text and as TensorBoard's hyper-parameters, at step 0.

        Args:
            config: TOML.
            values: each key of it, as `table.key`.
        """
        text = text_summary.text_pb(DESCRIPTION[0], f"```toml\n{config}\n```")
        self._write(0, text.value)
        self._write(0, hparams_summary.hparams_pb(values).value)

    def _write(self, step: int, values: Iterable[Summary.Value]) -> None:
        self._writer.add_event(Event(wall_time=time.time(), step=step,
                                     summary=Summary(value=values)))

    def flush(self) -> None:
        """Returns once all events are in the file."""
        self._writer.flush()

    def close(self) -> None:
        """Flushes and closes the file."""
        self._writer.close()


def cut(folder: Path, keep: Callable[[str, int], bool]) -> None:
    """Rewrites a folder's event files without the events that `keep(tag, step)` refuses.

    What a killed run logged after its last checkpoint is logged again when it resumes: it is taken
    out first, so that a reader sees each step once. So is what stands there twice, should a process
    be killed here.
    """
    old = sorted(folder.glob(PATTERN))
    if not old:
        return
    writer, written = EventFileWriter(str(folder)), set()
    for path in old:
        for event in LegacyEventFileLoader(str(path)).Load():
            points = tuple((value.tag, event.step) for value in event.summary.value)
            if points and points not in written and all(keep(*point) for point in points):
                writer.add_event(event)
                written.add(points)
    writer.close()
    for path in old:
        path.unlink()


def read_scalars(folder: Path) -> dict[str, tuple[list[int], list[float]]]:
    """The steps and values of each tag in a folder of event files; empty where there are none."""
    if not folder.is_dir():
        return {}
    events = EventAccumulator(str(folder), size_guidance={"scalars": 0})
    events.Reload()
    return {tag: ([event.step for event in events.Scalars(tag)],
                  [event.value for event in events.Scalars(tag)])
            for tag in events.Tags()["scalars"]}
