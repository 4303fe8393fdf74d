"""Claims about colour profiles: learned is what is shown, and coloured pages look as before."""

import io

import numpy as np
import pytest
from color_profiles import ADOBE, SRGB, profile_of
from PIL import ExifTags, Image

from keras_colorize import media

GRAYS = np.tile(np.arange(256, dtype=np.uint8), (8, 1))


def dot_gain(levels):
    """Reflectance of gray levels that are printed with 20 % of dot gain at half coverage."""
    ink = 1 - levels / 255
    return 1 - np.minimum(1, ink + 0.8 * ink * (1 - ink))


def gamma(levels):
    return (levels / 255) ** 1.8


def encoded(linear):
    """sRGB levels of linear light."""
    return 255 * np.where(linear < 0.0031308, 12.92 * linear, 1.055 * linear ** (1 / 2.4) - 0.055)


def stored(picture, form, profile, mode=None):
    file = io.BytesIO()
    image = Image.fromarray(picture)
    (image.convert(mode) if mode else image).save(file, form, icc_profile=profile)
    return file.getvalue()


@pytest.mark.parametrize("curve", [dot_gain, gamma])
@pytest.mark.parametrize(("form", "mode"), [("PNG", None), ("TIFF", None), ("PNG", "LA"),
                                            ("JPEG", None)])
def test_grays_are_what_their_profile_says(curve, form, mode):
    file, right = stored(GRAYS, form, profile_of(b"GRAY", curve), mode), encoded(curve(GRAYS))
    least = 4 if form == "JPEG" else 1.5
    assert np.abs(right - GRAYS).max() > 15
    assert np.abs(media.picture_of(file, "a")[..., 0] - right).max() < least
    picture = media.read_stored_picture(file, "a")
    assert np.abs(picture.luminance - right).max() < least
    assert "icc_profile" not in picture.style.options
    colored = picture.style.encode(np.dstack([picture.luminance] * 3), picture.alpha, "a")
    assert np.abs(media.picture_of(colored, "a")[..., 0] - right).max() < least + 3 * (
        form == "JPEG")


def test_sixteen_bits_of_gray_are_too():
    file = stored(GRAYS.astype(np.uint16) * 257, "PNG", profile_of(b"GRAY", dot_gain))
    picture = media.read_stored_picture(file, "a")
    assert picture.luminance.dtype == np.uint16
    assert np.abs(picture.luminance / 257 - encoded(dot_gain(GRAYS))).max() < 1.5
    assert np.abs(media.picture_of(file, "a")[..., 0] - encoded(dot_gain(GRAYS))).max() < 1.5


@pytest.mark.parametrize("form", ["PNG", "TIFF", "WEBP", "AVIF", "JPEG"])
def test_adobe_rgb_is_learned_as_what_it_is_and_kept_where_it_is_coloured(form):
    red = np.full((16, 16, 3), (219, 0, 0), np.uint8)
    profile = profile_of(b"RGB ", primaries=ADOBE)
    shown = media.picture_of(stored(red, form, profile), "a")
    assert np.abs(shown.astype(int) - (255, 0, 0)).max() <= (1 if form in ("PNG", "TIFF") else 5)
    picture = media.read_stored_picture(stored(np.dstack([GRAYS] * 3), form, profile), "a")
    assert picture.style.options["icc_profile"] == profile
    assert np.abs(picture.luminance.astype(int) - GRAYS).max() <= 3
    png = media.Style.chosen("png").with_profile_of(picture.style)
    with Image.open(io.BytesIO(png.encode(np.dstack([GRAYS] * 3), None, "a"))) as image:
        assert image.info["icc_profile"] == profile


def test_a_palette_and_transparency_go_through_the_profile_too():
    profile = profile_of(b"RGB ", primaries=ADOBE)
    red = np.full((16, 16, 4), (219, 0, 0, 255), np.uint8)
    red[:8, :, 3] = 0
    shown = media.picture_of(stored(red, "PNG", profile), "a")
    assert (shown[:8] == 255).all() and np.abs(shown[8:].astype(int) - (255, 0, 0)).max() <= 1
    file = io.BytesIO()
    Image.fromarray(red[..., :3].copy()).quantize(4).save(file, "PNG", icc_profile=profile)
    shown = media.picture_of(file.getvalue(), "a")
    assert np.abs(shown.astype(int) - (255, 0, 0)).max() <= 1


@pytest.mark.parametrize("profile", [
    b"no profile at all", profile_of(b"GRAY", gamma), profile_of(b"RGB ", primaries=ADOBE)[:200],
    profile_of(b"RGB ", lambda level: np.where(level < 10.3, level / 255 / 12.92, (
        (level / 255 + 0.055) / 1.055) ** 2.4), SRGB)])
def test_a_profile_that_says_nothing_changes_nothing(profile):
    picture = np.random.default_rng(0).integers(0, 256, (16, 16, 3), np.uint8)
    assert (media.picture_of(stored(picture, "PNG", profile), "a") == picture).all()


def exif_of(space, index, in_interop=True):
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = 1
    own = exif.get_ifd(ExifTags.IFD.Exif)
    own[ExifTags.Base.ColorSpace] = space
    if in_interop:
        own[ExifTags.IFD.Interop] = {1: index}
    return exif


@pytest.mark.parametrize("form", ["JPEG", "PNG", "WEBP"])
@pytest.mark.parametrize(("space", "index", "is_adobe"), [
    (65535, "R03", True), (65535, "R98", False), (1, "R03", False), (65535, None, False)])
def test_adobe_rgb_that_only_the_exif_tells_of_is_followed(form, space, index, is_adobe):
    adobe_red = np.full((16, 16, 3), (219, 0, 0), np.uint8)
    file = io.BytesIO()
    options = {"quality": 100} if form == "JPEG" else {"lossless": True}
    Image.fromarray(adobe_red).save(file, form, exif=exif_of(space, index, index is not None),
                                    **options)
    right = (255, 0, 0) if is_adobe else (219, 0, 0)
    assert np.abs(media.picture_of(file.getvalue(), "a").astype(int) - right).max() <= 4
    style = media.read_stored_picture(file.getvalue(), "a").style
    again = style.encode(adobe_red, None, "a")  # its EXIF is gone, and its profile says the same
    assert np.abs(media.picture_of(again, "a").astype(int) - right).max() <= 6


@pytest.mark.parametrize("channels", [3, 4])
def test_sixteen_bits_in_tiff_keep_their_profile_and_resolution(channels):
    profile = profile_of(b"RGB ", primaries=ADOBE)
    picture = np.random.default_rng(0).integers(0, 65536, (20, 30, channels)).astype(np.uint16)
    style = media.Style("TIFF", {"icc_profile": profile, "dpi": (300.0, 150.0)})
    alpha = picture[..., 3] if channels == 4 else None
    file = style.encode(picture[..., :3], alpha, "a")
    assert (media.stored_colors(file, "a") == picture[..., :3]).all()
    again = media.read_stored_picture(file, "a").style.options
    assert again["icc_profile"] == profile and again["dpi"] == (300.0, 150.0)


@pytest.mark.parametrize("form", ["PNG", "16 bits", "WEBP", "profile"])
def test_a_layer_is_decoded_with_its_transparency_whatever_holds_it(form):
    layer = np.random.default_rng(0).integers(0, 256, (20, 30, 4), np.uint8)
    if form == "16 bits":
        file = media.Style("PNG").encode(layer.astype(np.uint16) * 257, None, "a")
    else:
        profile = profile_of(b"RGB ", primaries=ADOBE) if form == "profile" else None
        file = io.BytesIO()
        Image.fromarray(layer).save(file, "WEBP" if form == "WEBP" else "PNG", lossless=True,
                                    exact=True, icc_profile=profile)
        file = file.getvalue()
    np.testing.assert_array_equal(media.stored_layer(file, "a"), layer)
    assert media.stored_layer(media.encode_picture(layer[..., :3]), "a") is None
