"""Speed and memory of colouring: benchmarks/colorizer.py FILM [--model RUN_DIR].

Without a model it is the paper's full-width generator with random weights, no slower than a trained
one.

Pages: one of 1800x2570 (drawn), from its file to its coloured file read again, and a folder of
them, beside the network alone on them, at the scale at which it sees them. Video: end-to-end frames
a second of a part of the film, each of whose frames is shown once, beside the network alone on the
same frames in the same process, in turns; then with every frame shown twice, with held drawings
recognised and not. Memory: the peak of the command's process on a CBZ of 100 pages, and on one page
of 8000x12000.
"""

import argparse
import statistics
import subprocess
import sys
import tempfile
import time
import zipfile
from itertools import islice
from pathlib import Path

import av
import cv2
import numpy as np
import psutil
from provenance import provenance

from keras_colorize import import_tensorflow

import_tensorflow()

from keras_colorize import colorize, config, export, media, models  # noqa: E402
from keras_colorize.cartoon import episode  # noqa: E402
from keras_colorize.colorize import film as film_module  # noqa: E402
from keras_colorize.data import screening  # noqa: E402
from keras_colorize.image import pixels  # noqa: E402

TURNS = 3
PAGES = 8
PAGE = (2570, 1800)
HUGE = (12000, 8000)


def paper_model() -> colorize.Model:
    """Builds the paper's generator, 180x320, untrained."""
    wanted = config.load("gan_gray").model
    module = export.Colorizer(models.unet(wanted.encoder, wanted.decoder))
    return colorize.Model("the paper's generator", "", "gray", "spline", (180, 320),
                           module.network, module)


def seconds(call, clock=time.perf_counter) -> float:
    """Measures how long a call takes."""
    begun = clock()
    call()
    return clock() - begun


def page_rows(model: colorize.Model, folder: Path) -> str:
    """Rows on one page, and on several of them in a folder."""
    drawn = cv2.resize(pixels.gray(episode.draw_frame(0)), PAGE[::-1],
                       interpolation=cv2.INTER_CUBIC)
    file = media.encode_picture(drawn)
    settings, both = colorize.Settings(), colorize.Models(model)
    scale = model.scale_for(*PAGE)
    small = pixels.scale(drawn, tuple(round(length * scale) for length in PAGE))
    times = {"wall": ([], []), "processor": ([], []), "folder": ([], [])}
    for number in range(PAGES):
        (folder / "pages").mkdir(exist_ok=True)
        (folder / "pages" / f"{number}.png").write_bytes(file)
    for turn in range(TURNS + 1):
        for name, clock in (("wall", time.perf_counter), ("processor", time.process_time)):
            alone, whole = times[name]
            alone.append(seconds(lambda: model.colorize(small), clock))
            whole.append(seconds(lambda: colorize.colored_file(
                file, Path("page.png"), both, settings, None, Path("page.ora")), clock))
        alone, whole = times["folder"]
        alone.append(seconds(lambda: [model.colorize(small) for _ in range(PAGES)]) / PAGES)
        out = folder / f"colored {model.name.replace('/', ' ')} {turn}"
        whole.append(seconds(lambda place=out: colorize.colorize(
            both, [folder / "pages"], place, settings)) / PAGES)
    rows = []
    for name, what in (("wall", f"page of 1800x2570, seen at {small.shape[1]}x{small.shape[0]}"),
                       ("processor", "the same, processor time"),
                       ("folder", f"{PAGES} such pages in a folder, a page")):
        alone, whole = (statistics.median(each[1:]) for each in times[name])
        rows.append(f"| {what} | {alone:.3f} s | {whole:.3f} s | {whole / alone:.2f} |")
    full = seconds(lambda: model.colorize(drawn))
    return "\n".join([*rows, f"| the network seeing it at its own size | {full:.3f} s | | |"])


def write_part(film: Path, part: Path, frames: int, times: int) -> None:
    """Writes the first frames of a film, each shown so many times."""
    with av.open(str(part), "w") as container:
        stream = container.add_stream("libx264", rate=24, options={"crf": "16",
                                                                   "preset": "veryfast"})
        for number, frame in enumerate(islice(media.read_video(film), frames)):
            if not number:
                stream.width, stream.height = frame.decoded.width, frame.decoded.height
            for each in range(times):
                frame.decoded.pts = times * number + each
                frame.decoded.time_base = 1 / stream.codec_context.framerate
                container.mux(stream.encode(frame.decoded))
        container.mux(stream.encode())


def network_alone(model: colorize.Model, part: Path) -> float:
    """Seconds of the network on the frames that it is asked for, decoded beforehand."""
    layout = film_module.Film.open(part, part, colorize.Settings()).layout
    size = layout.height, layout.width
    scale = model.scale_for(*size)
    guides = [pixels.scale(pixels.gray(frame.picture()), tuple(round(n * scale) for n in size))
              for frame in media.read_video(part)]
    return seconds(lambda: [model.colorize(guide) for guide in guides])


def end_to_end(model: colorize.Model, part: Path, folder: Path) -> tuple[float, dict]:
    """Seconds of a whole film, and what is said of it."""
    parts, record = Path(tempfile.mkdtemp(dir=folder)), {}
    spent = seconds(lambda: record.update(film_module.color_film(
        part, folder / "out.mkv", model, colorize.Settings(), parts,
        film_module.shots_of(part, "gray", parts))))
    return spent, record


class NeverHeld:
    """Takes every frame for a new drawing."""

    def __init__(self):
        self.number = -1

    def drawing(self, thumbnail: np.ndarray) -> int:
        """Returns the next number."""
        self.number += 1
        return self.number


def film_rows(model: colorize.Model, film: Path, frames: int, folder: Path) -> str:
    """Rows on a part of a film."""
    once, twice = folder / "once.mkv", folder / "twice.mkv"
    write_part(film, once, frames, 1)
    write_part(film, twice, frames, 2)
    held = screening.HeldDetector
    alone, whole, reused, every = [], [], [], []
    for _ in range(TURNS):
        screening.HeldDetector = NeverHeld
        alone.append(network_alone(model, once) / frames)
        whole.append(end_to_end(model, once, folder)[0] / frames)
        every.append(end_to_end(model, twice, folder)[0] / frames / 2)
        screening.HeldDetector = held
        spent, record = end_to_end(model, twice, folder)
        reused.append(spent / frames / 2)
    alone, whole, reused, every = map(statistics.median, (alone, whole, reused, every))
    return (f"| film, every frame coloured, frames/s | {1 / alone:.1f} | {1 / whole:.1f} | "
            f"{alone / whole:.2f} |\n| every frame shown twice ({record['held']} of "
            f"{record['frames']} recognised), frames/s: coloured anew, reused | {1 / every:.1f} | "
            f"{1 / reused:.1f} | {every / reused:.2f} |")


def peak_memory(*arguments: object) -> float:
    """Measures the most memory, in GB, that the command holds."""
    process = psutil.Popen([sys.executable, "-m", "keras_colorize.cli", "colorize",
                            *map(str, arguments)], stdout=subprocess.DEVNULL,
                           stderr=subprocess.DEVNULL)
    peak = 0
    while process.poll() is None:
        peak = max(peak, process.memory_info().rss)
        time.sleep(0.02)
    assert process.returncode == 0
    return peak / 1e9


def memory_rows(saved: Path, folder: Path) -> str:
    """Rows on memory."""
    book, page = folder / "book.cbz", folder / "huge.png"
    drawn = cv2.resize(pixels.gray(episode.draw_frame(0)), PAGE[::-1],
                       interpolation=cv2.INTER_CUBIC)
    with zipfile.ZipFile(book, "w") as archive:
        for number in range(100):
            archive.writestr(f"{number:03}.jpg", media.encode_picture(drawn, ".jpg"))
    media.write_picture(page, cv2.resize(drawn, HUGE[::-1], interpolation=cv2.INTER_CUBIC))
    return (f"| CBZ of 100 pages of 1800x2570, peak memory | "
            f"{peak_memory(saved, book, '--out', folder / 'colored.cbz'):.2f} GB | | |\n"
            f"| page of 8000x12000, peak memory | "
            f"{peak_memory(saved, page, '--out', folder / 'huge'):.2f} GB | | |")


def main() -> None:
    """Measures and prints a table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("film", type=Path)
    parser.add_argument("--model", type=Path, help="also measured, its memory too")
    parser.add_argument("--frames", type=int, default=120, help="of the film (%(default)s)")
    options = parser.parse_args()
    chosen = [paper_model()] + ([colorize.Model.load(options.model)] if options.model else [])
    print(provenance())
    with tempfile.TemporaryDirectory() as name:
        for model in chosen:
            print(f"{model.name}\n\n| what | network alone | end to end | ratio |\n"
                  "|---|---:|---:|---:|")
            print(page_rows(model, Path(name)), flush=True)
            print(film_rows(model, options.film, options.frames, Path(name)), flush=True)
        if options.model:
            print(memory_rows(options.model, Path(name)), flush=True)


if __name__ == "__main__":
    main()
