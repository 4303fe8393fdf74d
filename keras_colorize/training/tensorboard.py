"""TensorBoard event files: written, read, and drawn as loss curves."""

import tempfile
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
from keras_colorize.image import figures

PATTERN = "events.out.tfevents.*"
DESCRIPTION = ("config", hparams_metadata.SESSION_START_INFO_TAG)
"""The tags that `EventLog.describe` writes."""
TITLES = {"loss": "ConvNet loss", "d_loss": "D loss", "g_loss": "G loss"}  # figures 7, 8 and 9
Curve = tuple[list[int], list[float]]
"""Steps, and the values there."""


class EventLog:
    """One event file of a folder, which TensorBoard calls a run.

    It begins with the events that the folder holds already, but for those that `keep(tag, step)`
    refuses. A killed run logged more than its last checkpoint knows of, and logs it again when it
    resumes; so a reader sees each step once, also if a process was killed here.

    They stand in one file, since TensorBoard reads several in the order of their names, which end
    in a plain count: the tenth file of a process comes before its ninth. TensorBoard's own mark of
    a restart, `SessionLog.START`, drops all tags from one step on, but `batch/` counts batches and
    `epoch/` counts epochs. Besides, the page takes the first START of a run for its beginning, and
    its fast loader does not heed any.
    """

    def __init__(self, folder: Path, keep: Callable[[str, int], bool] = lambda tag, step: True):
        old = sorted(folder.glob(PATTERN))
        self._writer, written = EventFileWriter(str(folder)), set()
        for path in old:
            for event in LegacyEventFileLoader(str(path)).Load():
                points = tuple((value.tag, event.step) for value in event.summary.value)
                if points and points not in written and all(keep(*point) for point in points):
                    self._writer.add_event(event)
                    written.add(points)
        self.flush()
        for path in old:
            path.unlink()

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
        """Writes a run's configuration at step 0, as text in TOML and as hyper-parameters.

        `values` holds each key of it, as `table.key`.
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


def read_scalars(folder: Path) -> dict[str, Curve]:
    """Reads the steps and values of each tag in a folder of event files; {} if there are none."""
    if not folder.is_dir():
        return {}
    events = EventAccumulator(str(folder), size_guidance={"scalars": 0})
    events.Reload()
    return {tag: ([event.step for event in events.Scalars(tag)],
                  [event.value for event in events.Scalars(tag)])
            for tag in events.Tags()["scalars"]}


def logged_losses(run_dir: Path) -> dict[str, tuple[dict[str, Curve], Curve]]:
    """Reads the curves of each loss in `TITLES` that a run has, for `figures.loss_curves`."""
    logged = {writer: read_scalars(run_dir / "tensorboard" / writer)
              for writer in ("train", "validation")}
    return {loss: ({writer: values[f"epoch/{loss}"] for writer, values in logged.items()
                    if f"epoch/{loss}" in values}, logged["train"][f"batch/{loss}"])
            for loss in TITLES if f"batch/{loss}" in logged["train"]}


def draw_losses(run_dir: Path) -> Path:
    """Draws the losses of a run per epoch and per batch, one below the other, as `losses.png`."""
    panels = []
    with tempfile.TemporaryDirectory() as folder:
        for loss, curves in logged_losses(run_dir).items():
            path = Path(folder) / f"{loss}.png"
            figures.loss_curves(path, TITLES[loss], *curves)
            panels.append(media.read_picture(path))
    media.write_picture(run_dir / "losses.png", np.vstack(panels))
    return run_dir / "losses.png"
