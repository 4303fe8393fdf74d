"""The best scale for a network to see a page at: benchmarks/working_scale.py MODEL COLOUR_PAGE...

Takes the colour from pages (or frames), colours them with line lock while the network sees them at
several multiples of the scale at which it learned, and prints the mean distance from the truth: of
chroma (red and blue less luminance) and of RGB, on 0..255. Give pages that it has not learned.
"""

import argparse
from pathlib import Path

import numpy as np
from provenance import provenance

from keras_colorize import import_tensorflow, media
from keras_colorize.image import line_lock, pixels

FACTORS = (0.5, 0.75, 1, 1.5, 2, 3)


def distances(model, picture: np.ndarray, factor: float) -> tuple[float, float]:
    """Returns the mean distances of chroma and of RGB from those of a picture, uint8 [h, w, 3]."""
    luminance = pixels.gray(picture)
    height, width = luminance.shape
    scale = factor * model.scale_for(height, width)
    guide = pixels.scale(luminance, (round(height * scale), round(width * scale)))
    chroma = pixels.chroma(model.colorize(guide))
    colored = line_lock.lock(luminance, chroma, guide)
    return (np.abs(pixels.chroma(colored) - pixels.chroma(picture)).mean(),
            np.abs(colored.astype(int) - picture).mean())


def main() -> None:
    """Measures and prints a table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("model", type=Path)
    parser.add_argument("pages", type=Path, nargs="+", help="pictures in colour, or a video")
    options = parser.parse_args()
    import_tensorflow()
    from keras_colorize.colorize import Model

    model = Model.load(options.model)
    pictures = [picture for path in options.pages for picture in (
        media.peek(path, 32) if media.is_video(path) else [media.read_picture(path)])]
    gray = [np.abs(picture - pixels.gray(picture)[..., None].astype(float)).mean()
            for picture in pictures]
    chroma = [np.abs(pixels.chroma(picture)).mean() for picture in pictures]
    print(provenance())
    print(f"{len(pictures)} pictures, model {model.name}\n\n| scale, of the learned one | chroma | "
          f"RGB |\n|---:|---:|---:|\n| gray | {np.mean(chroma):.2f} | {np.mean(gray):.2f} |")
    for factor in FACTORS:
        errors = np.mean([distances(model, picture, factor) for picture in pictures], axis=0)
        print(f"| {factor} | {errors[0]:.2f} | {errors[1]:.2f} |", flush=True)


if __name__ == "__main__":
    main()
