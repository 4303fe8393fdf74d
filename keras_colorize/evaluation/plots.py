"""Plots of the study that belong to no part alone."""

from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

from keras_colorize.image import figures


def sizes(path: Path, failures: dict[str, dict]) -> None:
    """Draws the chroma error on characters against their size, a line each group of runs.

    Args:
        failures: by label, as `failures.measure` gives them.
    """
    figure = Figure(figsize=(5, 3.6), dpi=160, layout="constrained")
    axes = figure.subplots()
    for label, found in failures.items():
        if found["size"]:
            errors, upto = np.array(found["size"]["chroma_l1"], float), found["size"]["upto"]
            axes.plot(range(len(errors)), errors, marker="o", label=label)
            axes.set_xticks(range(len(errors)), [f"to {share:.0%}" for share in upto])
    axes.set(xlabel="share of the frame that a character covers", ylabel="chroma L1, 0..255",
             ylim=(0, None), title="Colour error against size")
    if axes.lines:
        axes.legend(fontsize=8)
    figures.write(figure, path)
