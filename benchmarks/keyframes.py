"""What keyframes buy: benchmarks/keyframes.py FILM --shots FIRST-END... [--model MODEL].

Takes the colour from some shots of a film in colour, and colours them without keyframes, with the
middle frame of each in true colour, with 20 strokes on it, squares in the mean of their true
colours, and with frames of other shots as references, where some are named. It prints the means
over the frames, at 180x320: the distance from the truth as a share of the gray film's (L1),
CIEDE2000, and flicker, which is the change of chroma where nothing moves; and the flicker that the
film's report states, of what is seen in two frames.
"""

import argparse
import json
from itertools import islice, pairwise
from pathlib import Path
from tempfile import TemporaryDirectory

import av
import numpy as np
from PIL import Image
from provenance import provenance

from keras_colorize import import_tensorflow, media
from keras_colorize.config import SHIPPED_MODEL
from keras_colorize.image import metrics, pixels

SIZE = (180, 320)
STROKES = 20
WIDTH = 9 / 160  # of a stroke, as a share of the frame's


def frames_of(film: Path, shots: list[range]) -> list[np.ndarray]:
    """Reads the frames of some shots, uint8 RGB [h, w, 3]."""
    last = max(shot.stop for shot in shots)
    return [frame.picture() for frame in islice(media.read_video(film), last)
            if any(frame.number in shot for shot in shots)]


def write_gray(path: Path, frames: list[np.ndarray]) -> None:
    """Writes a film of the luminance of frames, without loss but that of YUV's 220 levels."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream("ffv1", rate=24)
        stream.height, stream.width = frames[0].shape[:2]
        stream.pix_fmt = "yuv444p"
        for frame in frames:
            gray = np.dstack([pixels.gray(frame)] * 3)
            container.mux(stream.encode(av.VideoFrame.from_ndarray(gray, "rgb24")))
        container.mux(stream.encode())


def strokes_of(frame: np.ndarray, generator: np.random.Generator) -> np.ndarray:
    """Draws strokes in the true colours of a frame, at random places: uint8 RGBA [h, w, 4]."""
    height, width = frame.shape[:2]
    side, drawn = round(WIDTH * width), np.zeros((height, width, 4), np.uint8)
    for _ in range(STROKES):
        top, left = generator.integers((height - side, width - side))
        place = np.s_[top:top + side, left:left + side]
        drawn[place] = (*np.rint(frame[place].mean(axis=(0, 1))), 255)
    return drawn


def measure(frames: list[np.ndarray], truth: list[np.ndarray]) -> tuple[float, float, float]:
    """Returns L1 as a share of the gray film's, CIEDE2000, and the flicker of frames [180, 320]."""
    grays = [np.dstack([pixels.gray(true)] * 3) for true in truth]
    l1, gray_l1, ciede = (np.concatenate([metric(one[None], true[None]) for one, true in
                                          zip(pictures, truth, strict=True)]).mean()
                          for metric, pictures in ((metrics.l1, frames), (metrics.l1, grays),
                                                   (metrics.ciede2000, frames)))
    changes = [metrics.flicker(np.stack(pair), np.stack([gray[..., 0] for gray in both]))
               for pair, both in zip(pairwise(frames), pairwise(grays), strict=True)]
    return l1 / gray_l1, ciede, np.mean([each for each in changes if each is not None])


def main() -> None:
    """Measures and prints a table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("film", type=Path)
    parser.add_argument("--shots", nargs="+", required=True, metavar="FIRST-END",
                        type=lambda text: range(*(int(each) for each in text.split("-"))))
    parser.add_argument("--references", nargs="*", default=[], type=int, metavar="FRAME")
    parser.add_argument("--model", type=Path, default=SHIPPED_MODEL)
    options = parser.parse_args()
    import_tensorflow()
    from keras_colorize import colorize

    frames, generator = frames_of(options.film, options.shots), np.random.default_rng(0)
    truth = [pixels.scale(frame, SIZE) for frame in frames]
    ends = np.cumsum([len(shot) for shot in options.shots])
    middles = [int(end) - len(shot) // 2 for end, shot in zip(ends, options.shots, strict=True)]
    models = colorize.Models.load(options.model)
    print(provenance())
    print(f"{len(frames)} frames in {len(middles)} shots of {options.film.name}, model "
          f"{models.pages.name}\n\n| told | L1 / gray | CIEDE2000 | flicker | in the report |\n"
          "|---|---:|---:|---:|---:|")
    print("| (the truth) | {:.2f} | {:.1f} | {:.2f} | |".format(*measure(truth, truth)))
    with TemporaryDirectory() as temporary:
        folder = Path(temporary)
        write_gray(folder / "gray.mkv", frames)
        others = folder / "others"
        others.mkdir()
        for number in options.references:
            frame, = frames_of(options.film, [range(number, number + 1)])
            Image.fromarray(frame).save(others / f"{number}.png")
        by_others = [f"{len(options.references)} references"] if options.references else []
        for told in ("nothing", *by_others, "a frame a shot", f"{STROKES} strokes a shot"):
            keys = folder / told
            keys.mkdir()
            for middle in middles if "a shot" in told else ():
                frame = frames[middle]
                Image.fromarray(strokes_of(frame, generator) if "strokes" in told else frame).save(
                    keys / f"{middle}.png")
            out = folder / f"{told}.mkv"
            settings = colorize.Settings(codec="ffv1", treat_as="gray",
                                         reference=(others,) if told in by_others else (),
                                         keyframes=keys if "a shot" in told else None)
            report = colorize.colorize(models, [folder / "gray.mkv"], out, settings)
            assert not report.failed, report.failed
            colored = [pixels.scale(frame.picture(), SIZE) for frame in media.read_video(out)]
            record, = json.loads((out.with_name(f"{out.name}.job") / "report.json").read_text())[
                "pages"]
            print("| {} | {:.2f} | {:.1f} | {:.2f} | {:.2f} |".format(
                told, *measure(colored, truth), record["flicker_after"]), flush=True)


if __name__ == "__main__":
    main()
