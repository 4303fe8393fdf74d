import io

import cv2
import numpy as np
import pytest
from PIL import Image

from keras_colorize.media import png


@pytest.mark.parametrize("kind", [np.uint8, np.uint16])
@pytest.mark.parametrize("shape", [(1, 1, 3), (5, 7), (1300, 401, 3), (300, 1201, 4)])
def test_other_readers_read_every_pixel(shape, kind, random_pictures):
    picture = (random_pictures(*shape).astype(kind) * (257 if kind == np.uint16 else 1))
    file = png.encode(picture)
    found = cv2.imdecode(np.frombuffer(file, np.uint8), cv2.IMREAD_UNCHANGED)
    order = {3: [2, 1, 0], 4: [2, 1, 0, 3]}
    np.testing.assert_array_equal(
        found[..., order[shape[2]]] if len(shape) == 3 else found, picture)
    if kind == np.uint8:
        np.testing.assert_array_equal(np.asarray(Image.open(io.BytesIO(file))), picture)


def test_resolution_and_colour_profile_are_written(random_pictures):
    file = png.encode(random_pictures(9, 9, 3), b"a profile", (300, 150))
    with Image.open(io.BytesIO(file)) as image:
        assert image.info["icc_profile"] == b"a profile"
        assert [round(dots) for dots in image.info["dpi"]] == [300, 150]
