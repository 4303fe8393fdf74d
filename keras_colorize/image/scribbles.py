"""Scribbles: colour that spreads from a few pixels (Levin, Lischinski and Weiss 2004)."""

import cv2
import numpy as np
import pyamg
from scipy import sparse
from scipy.ndimage import uniform_filter
from scipy.sparse import linalg

from keras_colorize.image import line_lock, pixels

NEIGHBOURS = ((0, 1), (1, -1), (1, 0), (1, 1))  # half of the eight; the others follow by symmetry
SPREAD = 0.6  # of the variance around a pixel, as in the authors' own program
LEAST_SPREAD = 2e-6  # in luminance of 0..1, squared
ALIKE = 0.01  # the affinity of a pixel to that neighbour which is most like it, at the least
LEAST_AFFINITY = 1e-6  # so that no pixel is cut off from every hint
SMALL = 60_000  # pixels: up to there a direct solver is two to five times faster
TOLERANCE = 1e-5  # of the residual, relative: less than the rounding to 0..255
FLAT = 12  # levels of 255 by which a flat surface differs from a hint that lies on it
OWN_SHARE = 0.25  # of a hint lies on a surface, or it just touches that
REACHED, FLAT_THERE, PASSED_BY = 1, 2, 3  # what is noted of a pixel while surfaces are sought
MOST_FILLED = 500  # hints; of more, as of a layer that is sprayed, the largest
SOFT = 5  # pixels over which its rim goes over into what is beside it
NEAR = 1 / 6  # of the root of a picture's area: so far from a hint, its correction counts a third
SAME = 20.0  # levels by which values differ that are corrected half as much as a hint's own
DAMPED = 0.05  # the weight of no correction, which prevails far from all hints


def colorize(luminance: np.ndarray, hinted: np.ndarray, colors: np.ndarray) -> np.ndarray:
    """Colours a gray picture from the colours of some of its pixels.

    Args:
        luminance: uint8 [h, w].
        hinted: bool [h, w], the pixels whose colour is known: single ones, or lines.
        colors: uint8 RGB [h, w, 3], read where `hinted` is true. Only their chroma counts.

    Returns:
        uint8 RGB [h, w, 3] of that luminance; raises ValueError where no pixel is hinted.
    """
    return line_lock.join(luminance, propagate(luminance, hinted, pixels.chroma(colors)))


def propagate(luminance: np.ndarray, hinted: np.ndarray, chroma: np.ndarray) -> np.ndarray:
    """Spreads chroma from hints so that neighbours of like luminance have like chroma.

    Every pixel without a hint is the mean of its eight neighbours, weighted by their affinity
    (equation 1 with the constraints of section 2). The affinity of two pixels is the mean of the
    paper's two, seen from either: that makes the system symmetric, and so a large one solvable by
    conjugate gradients with algebraic multigrid, in time proportional to the number of pixels.

    Args:
        luminance: 0..255 [h, w].
        hinted: bool [h, w].
        chroma: float [h, w, channels], read where `hinted` is true.

    Returns:
        float32 [h, w, channels]; raises ValueError where no pixel is hinted.
    """
    known = hinted.ravel()
    if not known.any():
        raise ValueError("no pixel is hinted")
    spread = chroma.reshape(known.size, -1).astype(np.float64)
    if not known.all():
        rows = _laplacian(luminance)[~known]
        system, wanted = rows[:, ~known].tocsr(), -(rows[:, known] @ spread[known])
        solve = _direct if known.size <= SMALL else _by_multigrid
        spread[~known] = solve(system, wanted)
    return spread.reshape(chroma.shape).astype(np.float32)


def fill_flats(chroma: np.ndarray, luminance: np.ndarray, hinted: np.ndarray, told: np.ndarray,
               ) -> np.ndarray:
    """Gives hints, and all that is flat around them, the chroma of the hints.

    A flat surface is what can be reached from a hint over pixels that are about as light, if a fair
    share of the hint lies on it: a dot that touches a line colours no line. Where several hints lie
    on one surface, a pixel takes the mean of theirs, weighted by the inverse square of its distance
    from them.

    Args:
        chroma: of the picture so far, float32 [h, w, channels].
        luminance: uint8 [h, w].
        hinted: bool [h, w].
        told: float32 [h, w, channels], read where `hinted` is true.

    Returns:
        float32 [h, w, channels].
    """
    if hinted.all():
        return told.copy()
    calm = cv2.medianBlur(luminance, 3)
    total = np.zeros(luminance.shape, np.float32)
    summed = [np.zeros_like(total) for _ in range(chroma.shape[2])]
    patches, boxes, largest = _patches(hinted)
    for patch in largest:
        left, top, width, height, _ = boxes[patch]
        rows, columns = np.nonzero(patches[top:top + height, left:left + width] == patch)
        box, flat = _flat_around(calm, patches, patch, rows + top, columns + left)
        own = patches[box] == patch
        weight, values = _influence(own, told[box])
        weight *= flat
        total[box] += weight
        for plane, value in zip(summed, np.moveaxis(values, -1, 0), strict=True):
            plane[box] += weight * value
    filled = np.float32(total > 0)
    share = cv2.multiply(cv2.blur(filled, (SOFT, SOFT)), filled)
    planes = []
    for before, plane in zip(cv2.split(chroma), summed, strict=True):
        mean = cv2.divide(plane, cv2.max(total, 1e-9))
        planes.append(cv2.add(before, cv2.multiply(share, cv2.subtract(mean, before))))
    result = cv2.merge(planes).reshape(chroma.shape)
    result[hinted] = told[hinted]
    return result


def correct(values: np.ndarray, hinted: np.ndarray, told: np.ndarray) -> np.ndarray:
    """Gives hints what they tell, and moves what is near them by what the values missed there.

    It suits a picture that a network has painted from lines. Where it is too dark at a hint, it is
    too dark around it, wherever it has about the same colour. Lines give no luminance that would
    tell how far a surface reaches. Corrections by several hints are averaged, weighted by how near
    each is, and how alike.

    Args:
        values: chroma or colours of the picture so far, float32 [h, w, n].
        hinted: bool [h, w].
        told: float32 [h, w, n], read where `hinted` is true.

    Returns:
        float32 [h, w, n].
    """
    patches, _, largest = _patches(hinted)
    near = NEAR * hinted.size ** 0.5
    total, summed = np.full(hinted.shape, DAMPED, np.float32), np.zeros_like(values)
    for patch in largest:
        own = patches == patch
        far, there = _nearest(own, np.dstack([values, told]))
        before, after = np.split(there, 2, axis=-1)
        unlike = np.square(values - before).mean(axis=2) / SAME ** 2
        weight = (1 + (far / near) ** 2) ** -1.5 / (1 + unlike)
        total += weight
        summed += weight[..., None] * (after - before)
    return np.where(hinted[..., None], told, values + summed / total[..., None])


def _patches(hinted: np.ndarray) -> tuple[np.ndarray, np.ndarray, list[int]]:
    """Numbers the connected patches of hints, from 1: the number of each pixel, [h, w], the box of
    each patch as OpenCV gives it, and the numbers of the largest `MOST_FILLED`.
    """
    _, patches, boxes, _ = cv2.connectedComponentsWithStats(hinted.astype(np.uint8))
    largest = np.argsort(-boxes[1:, cv2.CC_STAT_AREA], kind="stable")[:MOST_FILLED] + 1
    return patches, boxes, largest.tolist()


def _influence(own: np.ndarray, told: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Computes how much a patch of hints counts around it, [h, w], and what it tells there."""
    far, values = _nearest(own, told)
    return 1 / (1 + far) ** 2, values


def _nearest(own: np.ndarray, values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Finds for each pixel how far it is from a patch, and the values where it is nearest.

    Those are float32 [h, w, n], or [n] if they are the same all over the patch.
    """
    away, known = (~own).astype(np.uint8), values[own]
    if (known == known[0]).all():
        return cv2.distanceTransform(away, cv2.DIST_L2, 5), known[0]
    far, nearest = cv2.distanceTransformWithLabels(away, cv2.DIST_L2, 5,
                                                   labelType=cv2.DIST_LABEL_PIXEL)
    table = np.zeros((nearest.max() + 1, values.shape[2]), np.float32)
    table[nearest[own]] = known
    return far, table[nearest]


def _flat_around(calm: np.ndarray, patches: np.ndarray, patch: int, rows: np.ndarray,
                 columns: np.ndarray) -> tuple[tuple[slice, slice], np.ndarray]:
    """Finds the flat surfaces that a patch of hints lies on: their box, and their pixels, bool."""
    mask = np.zeros((calm.shape[0] + 2, calm.shape[1] + 2), np.uint8)
    inside = mask[1:-1, 1:-1]
    for row, column in zip(rows.tolist(), columns.tolist(), strict=True):
        if not inside[row, column]:
            *_, (left, top, width, height) = cv2.floodFill(
                calm, mask, (column, row), 0, FLAT, FLAT, 4 | REACHED << 8
                | cv2.FLOODFILL_MASK_ONLY | cv2.FLOODFILL_FIXED_RANGE)
            place = np.s_[top:top + height, left:left + width]
            reached = inside[place] == REACHED
            own = np.count_nonzero(reached & (patches[place] == patch))
            inside[place][reached] = FLAT_THERE if own >= OWN_SHARE * len(rows) else PASSED_BY
    inside[rows, columns] = FLAT_THERE
    flat = (inside == FLAT_THERE).astype(np.uint8)
    left, top, width, height = cv2.boundingRect(flat)
    box = slice(top, top + height), slice(left, left + width)
    return box, flat[box] > 0


def random_hints(shape: tuple[int, int], count: int, generator: np.random.Generator) -> np.ndarray:
    """Draws `count` pixels at random, or all if they are fewer, and returns their mask, bool."""
    hinted = np.zeros(shape, bool)
    hinted.ravel()[generator.choice(hinted.size, min(count, hinted.size), replace=False)] = True
    return hinted


def _direct(system: sparse.csr_array, wanted: np.ndarray) -> np.ndarray:
    """Solves for each column, by Cholesky's way of ordering and pivoting."""
    factors = linalg.splu(system.tocsc(), permc_spec="MMD_AT_PLUS_A", diag_pivot_thresh=0,
                          options={"SymmetricMode": True})
    return factors.solve(wanted)


def _by_multigrid(system: sparse.csr_array, wanted: np.ndarray) -> np.ndarray:
    """Solves for each column, by conjugate gradients with algebraic multigrid."""
    multigrid = pyamg.ruge_stuben_solver(system, max_coarse=500, coarse_solver="splu")
    columns = []
    for column in wanted.T:
        solution, failed = linalg.cg(system, column, M=multigrid.aspreconditioner(),
                                     rtol=TOLERANCE, maxiter=1000)
        if failed:
            return _direct(system, wanted)  # slow, but it always works
        columns.append(solution)
    return np.stack(columns, axis=1)


def _laplacian(luminance: np.ndarray) -> sparse.csr_array:
    """Returns the degrees less the affinities of all pixels, [h * w, h * w], row by row."""
    level = luminance.astype(np.float64) / 255
    number = np.arange(level.size).reshape(level.shape)
    pairs = [_pairs(level.shape, *offset) for offset in NEIGHBOURS]
    squares = [np.square(level[one] - level[other]) for one, other in pairs]
    nearest = np.full(level.shape, np.inf)
    for pair, square in zip(pairs, squares, strict=True):
        for side in pair:
            nearest[side] = np.minimum(nearest[side], square)
    variance = uniform_filter(level * level, 3) - uniform_filter(level, 3) ** 2
    spread = np.maximum.reduce([SPREAD * variance, nearest / -np.log(ALIKE),
                                np.full(level.shape, LEAST_SPREAD)])
    affinities = [(np.exp(-square / spread[one]) + np.exp(-square / spread[other])) / 2
                  for (one, other), square in zip(pairs, squares, strict=True)]
    values = np.maximum(np.concatenate([each.ravel() for each in affinities]), LEAST_AFFINITY)
    places = [np.concatenate([number[pair[side]].ravel() for pair in pairs]) for side in (0, 1)]
    half = sparse.coo_array((values, places), (level.size, level.size)).tocsr()
    affinity = half + half.T
    return (sparse.diags_array(affinity.sum(axis=1)) - affinity).tocsr()


def _pairs(shape: tuple[int, int], down: int, right: int) -> tuple[tuple, tuple]:
    """Returns the slices of all pixels with a neighbour at an offset, and of these neighbours."""
    height, width = shape
    return ((slice(0, height - down), slice(max(0, -right), width - max(0, right))),
            (slice(down, height), slice(max(0, right), width + min(0, right))))
