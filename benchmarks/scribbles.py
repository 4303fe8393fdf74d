"""Seconds of scribble propagation, by the way in which its system is solved.

    python benchmarks/scribbles.py [--direct-up-to 60000]

`keras_colorize.image.scribbles` solves small pictures directly and large ones by multigrid. Seconds
are of processor time, which other work on the machine changes little. Ratios are to conjugate
gradients with an incomplete LU factorisation.
"""

import argparse
import time
from functools import partial
from math import prod

import numpy as np
from rows import Table, parse, row, timed_in_turns
from scipy.sparse import linalg

from keras_colorize.cartoon import episode
from keras_colorize.image import pixels, scribbles

SIZES = ((90, 160), (180, 320), (360, 640), (1000, 1500))
FRAME = 100


def multigrid(gray: np.ndarray, hinted: np.ndarray, chroma: np.ndarray) -> None:
    scribbles._by_multigrid(*system_of(gray, hinted, chroma))


def incomplete_lu(gray: np.ndarray, hinted: np.ndarray, chroma: np.ndarray) -> None:
    system, wanted = system_of(gray, hinted, chroma)
    factors = linalg.spilu(system.tocsc(), drop_tol=1e-3, fill_factor=8,
                           permc_spec="MMD_AT_PLUS_A")
    preconditioner = linalg.LinearOperator(system.shape, factors.solve)
    for channel in wanted.T:
        linalg.cg(system, channel, M=preconditioner, rtol=scribbles.TOLERANCE)


def direct(gray: np.ndarray, hinted: np.ndarray, chroma: np.ndarray) -> None:
    scribbles._direct(*system_of(gray, hinted, chroma))


def system_of(gray: np.ndarray, hinted: np.ndarray, chroma: np.ndarray):
    known = hinted.ravel()
    rows = scribbles._laplacian(gray)[~known]
    return rows[:, ~known].tocsr(), -(rows[:, known] @ chroma.reshape(known.size, -1)[known])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--direct-up-to", type=int, default=60_000, metavar="PIXELS",
                        help="larger pictures take the direct solver minutes and gigabytes")
    parser.add_argument("--largest", type=int, default=max(map(prod, SIZES)), metavar="PIXELS",
                        help="of all (%(default)s)")
    parser.add_argument("--turns", type=int, default=2, help="(%(default)s)")
    options = parse(parser, largest=360 * 640, turns=3)
    table = Table(options)
    for size in SIZES:
        picture = pixels.scale(episode.draw_frame(FRAME), size)
        gray, chroma = pixels.gray(picture), pixels.chroma(picture)
        if gray.size > options.largest:
            continue
        solvers = {"incomplete LU": incomplete_lu, "multigrid": multigrid}
        if gray.size <= options.direct_up_to:
            solvers["direct"] = direct
        for count in (100, gray.size // 20):
            hinted = scribbles.random_hints(size, count, np.random.default_rng(0))
            spent = timed_in_turns(options.turns, *(
                partial(solve, gray, hinted, chroma) for solve in solvers.values()),
                warm=int("direct" in solvers), clock=time.process_time)
            table.add(*(row(f"{name}, {size[0]}x{size[1]}, {count} hints", "s", each, spent[0])
                        for name, each in zip(solvers, spent, strict=True)))


if __name__ == "__main__":
    main()
