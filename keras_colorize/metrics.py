"""Distances between pictures, each a number a picture."""

import numpy as np


def l1(pictures: np.ndarray, truth: np.ndarray) -> np.ndarray:
    """Mean absolute difference per pixel-channel (table 1), uint8 [n, h, w, 3] to float64 [n]."""
    return np.abs(_difference(pictures, truth)).mean(axis=(1, 2, 3))


def l2(pictures: np.ndarray, truth: np.ndarray) -> np.ndarray:
    """Mean squared difference per pixel-channel (table 1), uint8 [n, h, w, 3] to float64 [n]."""
    return np.square(_difference(pictures, truth)).mean(axis=(1, 2, 3))


METRICS = {"l1": l1, "l2": l2}


def _difference(pictures: np.ndarray, truth: np.ndarray) -> np.ndarray:
    if pictures.shape != truth.shape:
        raise ValueError(f"pictures have shape {pictures.shape}, their truth {truth.shape}")
    return pictures.astype(np.float64) - truth
