"""What a SavedModel makes of picture files of all kinds, and which it refuses."""

import io

import cv2
import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from keras_colorize import export, media, models
from keras_colorize.cartoon import episode
from keras_colorize.export import graph
from keras_colorize.image import pixels

FRAME = episode.draw_frame(0)[:90, :120]
GRAY = pixels.gray(FRAME)
CLEAR = np.linspace(0, 255, GRAY.size).reshape(GRAY.shape).astype(np.uint8)


@pytest.fixture(scope="module")
def served():
    """A function from the bytes of picture files to what `serving_default` gives."""
    colorizer = export.Colorizer(models.unet([4] * 6, [4] * 6), size=(64, 96))
    return lambda *files: colorizer.serving_default(tf.constant(files))["colored_bytes"].numpy()


def stored(picture: Image.Image | np.ndarray, kind: str, **options) -> bytes:
    """A picture as the bytes of a file, by Pillow, or by OpenCV where it has 16 bits."""
    if isinstance(picture, np.ndarray):
        return cv2.imencode(f".{kind}", picture)[1].tobytes()
    file = io.BytesIO()
    picture.save(file, kind, **options)
    return file.getvalue()


RGB, L = Image.fromarray(FRAME), Image.fromarray(GRAY)
RGBA, LA = RGB.copy(), Image.merge("LA", [L, Image.fromarray(CLEAR)])
RGBA.putalpha(Image.fromarray(CLEAR))
DEEP = FRAME[..., ::-1].astype(np.uint16) * 257 ^ 200  # the lower byte is to matter
TAKEN = {
    "PNG": stored(RGB, "png"), "gray PNG": stored(L, "png"), "gray and alpha": stored(LA, "png"),
    "RGB and alpha": stored(RGBA, "png"), "palette": stored(RGB.quantize(16), "png"),
    "palette with alpha": stored(RGB.quantize(16), "png", transparency=3),
    "one bit": stored(L.convert("1"), "png"), "16 bits": stored(DEEP, "png"),
    "gray of 16 bits": stored(DEEP[..., 1], "png"),
    "16 bits and alpha": stored(np.dstack([DEEP, CLEAR.astype(np.uint16) * 257]), "png"),
    "JPEG": stored(RGB, "jpeg"), "gray JPEG": stored(L, "jpeg"),
    "progressive JPEG": stored(L, "jpeg", progressive=True),
    "CMYK JPEG": stored(RGB.convert("CMYK"), "jpeg"), "WebP": stored(RGB, "webp"),
    "lossless WebP": stored(RGB, "webp", lossless=True),
    "WebP with alpha": stored(RGBA, "webp", lossless=True, exact=True)}
ANIMATION = {"save_all": True, "append_images": [RGB.rotate(180)]}
REFUSED = {
    "animated WebP": (stored(RGB, "webp", **ANIMATION), "is an animated WebP"),
    "animated WebP with alpha": (stored(RGBA, "webp", **ANIMATION), "is an animated WebP"),
    "animated GIF": (stored(RGB, "gif", **ANIMATION), "is no PNG, JPEG or WebP file"),
    "TIFF": (stored(RGB, "tiff"), "is no PNG, JPEG or WebP file"),
    "text": (b"not a picture", "is no PNG, JPEG or WebP file"),
    "nothing": (b"", "is no PNG, JPEG or WebP file"),
    "colour key": (stored(L, "png", transparency=int(GRAY[0, 0])), "transparent colour"),
    "half a PNG": (TAKEN["PNG"][:len(TAKEN["PNG"]) // 2], "Invalid PNG data"),
    "half a JPEG": (TAKEN["JPEG"][:len(TAKEN["JPEG"]) // 2], "Invalid JPEG data"),
    "half a WebP": (TAKEN["WebP"][:len(TAKEN["WebP"]) // 2], "WebP")}


@pytest.mark.parametrize("kind", TAKEN)
def test_a_file_is_read_as_colorize_reads_it(kind):
    own, read = media.read_stored_picture(TAKEN[kind], kind), graph.decode(TAKEN[kind])
    assert read.most == np.iinfo(own.luminance.dtype).max
    np.testing.assert_array_equal(read.luminance, own.luminance)
    np.testing.assert_array_equal(read.shown, pixels.gray(own.shown))
    assert read.alpha.shape[-1] == (own.alpha is not None)
    if own.alpha is not None:
        np.testing.assert_array_equal(read.alpha[..., 0], own.alpha)


@pytest.mark.parametrize("kind", TAKEN)
def test_a_coloured_file_keeps_luminance_depth_and_transparency(served, kind):
    page = media.read_stored_picture(TAKEN[kind], kind)
    colored = cv2.imdecode(np.frombuffer(served(TAKEN[kind])[0], np.uint8), cv2.IMREAD_UNCHANGED)
    assert colored.dtype == page.luminance.dtype
    changed = cv2.cvtColor(np.ascontiguousarray(colored[..., :3]), cv2.COLOR_BGR2GRAY)
    assert np.abs(changed.astype(int) - page.luminance).max() <= 1
    if page.alpha is not None:
        np.testing.assert_array_equal(colored[..., 3], page.alpha)
    else:
        assert colored.shape[-1] == 3


@pytest.mark.parametrize("kind", REFUSED)
def test_what_it_cannot_show_rightly_it_refuses(served, kind):
    file, why = REFUSED[kind]
    with pytest.raises(tf.errors.InvalidArgumentError, match=why):
        served(TAKEN["PNG"], file)


def test_a_batch_is_answered_in_its_order(served):
    together = served(*TAKEN.values())
    for file, answer in zip(TAKEN.values(), together, strict=True):
        assert served(file)[0] == answer
