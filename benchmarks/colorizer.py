"""Speed and memory of colouring: benchmarks/colorizer.py FILM [--model RUN_DIR].

Without a model it is the paper's full-width generator with random weights, no slower than a trained
one.

Pages: one of 1800x2570 (drawn), from its file to its coloured file read again, and a folder of
them, beside the network alone on them, at the scale at which it sees them; and one that is told 20
dots, if the model takes hints. A CBZ of JPEG pages: end to end, beside reading, the network and
writing, each of them alone on all its pages. Video: end-to-end frames a second of a part of the
film, each of whose frames is shown once, beside the network alone on the same frames in the same
process, in turns; then with every frame shown twice, with held drawings recognised and not. Memory:
the peak of the command's process on a CBZ of 100 pages, and on one page of 8000x12000, with the
model given or the one that ships.
"""

import argparse
import itertools
import tempfile
import time
import zipfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from unittest import mock

import av
import cv2
import numpy as np
from rows import Row, Table, in_turns, parse, peak_memory, rates, row, seconds, timed_in_turns

from keras_colorize import import_tensorflow

import_tensorflow()

from keras_colorize import colorize, config, export, media, models  # noqa: E402
from keras_colorize.cartoon import episode  # noqa: E402
from keras_colorize.colorize import film as film_module  # noqa: E402
from keras_colorize.data import screening  # noqa: E402
from keras_colorize.image import pixels  # noqa: E402

PAGE = (2570, 1800)
HUGE = (12000, 8000)


def paper_model() -> colorize.Model:
    """Builds the paper's generator, 180x320, untrained."""
    wanted = config.load("gan_gray").model
    module = export.Colorizer(models.unet(wanted.encoder, wanted.decoder))
    return colorize.Model("the paper's generator", "", "gray", "spline", (180, 320),
                           module.network, module)


def gray_page() -> np.ndarray:
    """Draws a gray page, uint8."""
    return cv2.resize(pixels.gray(episode.draw_frame(0)), PAGE[::-1],
                      interpolation=cv2.INTER_CUBIC)


def page_rows(model: colorize.Model, folder: Path, pages: int, turns: int) -> list[Row]:
    """Rows on one page, and on several of them in a folder."""
    drawn = gray_page()
    file = media.encode_picture(drawn)
    settings, both = colorize.Settings(), colorize.Models(model)
    scale = model.scale_for(*PAGE)
    small = pixels.scale(drawn, tuple(round(length * scale) for length in PAGE))
    source = folder / "pages"
    source.mkdir(exist_ok=True)
    for number in range(pages):
        (source / f"{number}.png").write_bytes(file)
    outs = (folder / f"colored {model.name.replace('/', ' ')} {turn}"
            for turn in itertools.count())

    def alone():
        return model.colorize(small)

    def whole():
        return colorize.colored_file(file, Path("page.png"), both, settings, None, Path("page.ora"))

    seen = f"{small.shape[1]}x{small.shape[0]}"
    rows = []
    for name, clock in (("a page of 1800x2570", time.perf_counter),
                        ("the same, processor time", time.process_time)):
        network, page = timed_in_turns(turns, alone, whole, warm=1, clock=clock)
        rows.append(row(name, "s", page, network, 1.3, f"to its network, seen at {seen}"))
    if model.network_guided is not None:
        strokes = write_dots(folder / "strokes.png")
        page, told = timed_in_turns(turns, whole, lambda: colorize.colored_file(
            file, Path("page.png"), both, settings, strokes, Path("page.ora")), warm=1)
        rows.append(row("a page that is told 20 dots", "s", told, page, 1.2, "to the page untold"))
    network, in_folder = timed_in_turns(
        turns, lambda: [alone() for _ in range(pages)],
        lambda: colorize.colorize(both, [source], next(outs), settings), warm=1)
    return [*rows, row(f"{pages} such pages in a folder", "s", in_folder, network, 1.2,
                       "to their network")]


def write_dots(file: Path) -> Path:
    """Writes 20 dots of colour for a page, as a hint picture."""
    generator, strokes = np.random.default_rng(0), np.zeros((*PAGE, 4), np.uint8)
    for _ in range(20):
        middle = (generator.random(2) * PAGE[::-1]).astype(int).tolist()
        cv2.circle(strokes, middle, 12, (*generator.integers(0, 256, 3).tolist(), 255), -1)
    cv2.imwrite(str(file), strokes)
    return file


def book_rows(model: colorize.Model, folder: Path, pages: int, turns: int) -> list[Row]:
    """Rows on a CBZ, beside the stages that its pages go through, each measured alone."""
    book = write_book(folder / "stages.cbz", pages)
    file = media.encode_picture(gray_page(), ".jpg")
    original, picture = media.read_stored_picture(file, "page"), gray_page()
    small = pixels.scale(picture, tuple(round(side * model.scale_for(*PAGE)) for side in PAGE))
    colored = np.ascontiguousarray(cv2.applyColorMap(picture, cv2.COLORMAP_JET)[..., ::-1])
    outs = (folder / f"colored {model.name.replace('/', ' ')} {turn}.cbz"
            for turn in itertools.count())

    def two_at_once(call) -> None:
        with ThreadPoolExecutor(2) as threads:
            for task in [threads.submit(call) for _ in range(pages)]:
                task.result()

    reading, network, writing, whole = timed_in_turns(
        turns, lambda: two_at_once(lambda: media.read_stored_picture(file, "page")),
        lambda: [model.colorize(small) for _ in range(pages)],
        lambda: two_at_once(lambda: original.style.encode(colored, None, "page")),
        lambda: colorize.colorize(colorize.Models(model), [book], next(outs)), warm=1)
    slowest = [max(each) for each in zip(reading, network, writing, strict=True)]
    every = [sum(each) for each in zip(reading, network, writing, strict=True)]
    name = f"CBZ of {pages} JPEG pages of 1800x2570"
    return [row(f"{name}: {stage} alone", "s", spent) for stage, spent in (
        ("reading", reading), ("network", network), ("writing", writing))] + [
        row(name, "s", whole, slowest, 1.15, "to the slowest of these"),
        row(f"{name}, beside their sum", "s", whole, every, note="to the sum of these")]


def write_book(book: Path, pages: int) -> Path:
    """Writes a CBZ of so many gray JPEG pages."""
    page = media.encode_picture(gray_page(), ".jpg")
    with zipfile.ZipFile(book, "w") as archive:
        for number in range(pages):
            archive.writestr(f"{number:03}.jpg", page)
    return book


def write_part(film: Path, part: Path, frames: int, times: int) -> None:
    """Writes the first frames of a film, each shown so many times."""
    with av.open(str(part), "w") as container:
        stream = container.add_stream("libx264", rate=24, options={"crf": "16",
                                                                   "preset": "veryfast"})
        for number, frame in enumerate(itertools.islice(media.read_video(film), frames)):
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


def film_rows(model: colorize.Model, film: Path, frames: int, folder: Path,
              turns: int) -> list[Row]:
    """Rows on a part of a film."""
    once, twice, held = folder / "once.mkv", folder / "twice.mkv", []
    write_part(film, once, frames, 1)
    write_part(film, twice, frames, 2)

    def anew(part: Path) -> float:
        with mock.patch.object(screening, "HeldDetector", NeverHeld):
            return end_to_end(model, part, folder)[0]

    def reused() -> float:
        spent, record = end_to_end(model, twice, folder)
        held.append(record["held"])
        return spent

    network, whole, all_anew, some = in_turns(
        turns, lambda: network_alone(model, once), lambda: anew(once), lambda: anew(twice), reused)
    network, whole = rates(frames, network), rates(frames, whole)
    all_anew, some = rates(2 * frames, all_anew), rates(2 * frames, some)
    return [row("the network alone on frames of a film", "frames/s", network),
            row("film, every frame coloured", "frames/s", whole, network, note="to the network"),
            row("every frame shown twice", "frames/s", some, all_anew,
                note=f"to each coloured anew; {held[0]} of {2 * frames} recognised")]


def memory_rows(saved: Path, folder: Path, pages: int) -> list[Row]:
    """Rows on memory."""
    book, page = write_book(folder / "book.cbz", pages), folder / "huge.png"
    media.write_picture(page, cv2.resize(gray_page(), HUGE[::-1], interpolation=cv2.INTER_CUBIC))
    return [row(f"{what}, peak memory", "GB",
                [peak_memory("colorize", saved, source, "--out", folder / out)])
            for what, source, out in (
                (f"CBZ of {pages} pages of 1800x2570", book, "colored.cbz"),
                ("page of 8000x12000", page, "huge"))]


def main() -> None:
    """Measures and prints a table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("film", type=Path)
    parser.add_argument("--model", type=Path, help="also measured, its memory too")
    parser.add_argument("--frames", type=int, default=120, help="of the film (%(default)s)")
    parser.add_argument("--pages", type=int, default=8, help="in a folder (%(default)s)")
    parser.add_argument("--book", type=int, default=100, help="pages of the CBZ (%(default)s)")
    parser.add_argument("--turns", type=int, default=3, help="(%(default)s)")
    options = parse(parser, frames=24, pages=4, book=20)
    chosen = [paper_model()] + ([colorize.Model.load(options.model)] if options.model else [])
    table = Table(options, ", then ".join(model.name for model in chosen))
    with tempfile.TemporaryDirectory() as name:
        for model in chosen:
            table.add(*page_rows(model, Path(name), options.pages, options.turns))
            table.add(*book_rows(model, Path(name), options.book, options.turns))
            table.add(*film_rows(model, options.film, options.frames, Path(name), options.turns))
        table.add(*memory_rows(options.model or config.SHIPPED_MODEL, Path(name), options.book))


if __name__ == "__main__":
    main()
