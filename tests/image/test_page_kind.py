import json
from collections import Counter

import cv2
import numpy as np
import pytest
from conftest import data_for, tiny

from keras_colorize import colorize, media
from keras_colorize.cartoon import episode
from keras_colorize.image import hues, page_kind, pixels, screentone
from keras_colorize.training import train

PITCHES = (3, 4, 5, 6.5, 8, 10)
ANGLES = (45, 15, 0, 30)


def halftone(gray, pitch, angle, soft=True):
    """A gray picture as a page prints it: black dots and lines on white, softened or not."""
    double = cv2.resize(cv2.GaussianBlur(gray, (0, 0), 1.5), None, fx=2, fy=2) / np.float32(255)
    y, x = np.mgrid[:double.shape[0], :double.shape[1]].astype(np.float32)
    turn, wave = np.deg2rad(angle), np.pi / pitch
    across, down = x * np.cos(turn) + y * np.sin(turn), y * np.cos(turn) - x * np.sin(turn)
    screen = (np.cos(across * wave) + np.cos(down * wave)) / 4 + 0.5
    ink = (double < screen) & (double < 0.93) | (double < 0.12) | lines_of(double * 255)
    page = np.where(ink, 0, 255).astype(np.uint8)
    return pixels.scale(page, gray.shape) if soft else np.ascontiguousarray(page[::2, ::2])


def lines_of(gray):
    """Where a pen would draw, bool [h, w]."""
    fine = gray.astype(np.float32)
    return cv2.GaussianBlur(fine, (0, 0), 1.5) - cv2.GaussianBlur(fine, (0, 0), 4) < -8


def line_art(gray):
    """Black lines on white, softened."""
    double = cv2.resize(gray, None, fx=2, fy=2)
    return pixels.scale(np.where(lines_of(double), 0, 255).astype(np.uint8), gray.shape)


def variants(color, number):
    """A colour page as each kind of page."""
    gray = pixels.gray(color)
    pitch = PITCHES[number % len(PITCHES)]
    yield "color", color
    yield "gray", np.dstack([gray] * 3)
    yield "screentone", np.dstack([halftone(gray, pitch, ANGLES[number % 4], number % 2 == 0)] * 3)
    yield "line_art", np.dstack([line_art(gray)] * 3)


def test_drawn_scenes_are_told_apart():
    judged = Counter()
    for number in range(12):
        scene = cv2.resize(episode.draw_frame(50 * number), (960, 540))
        for kind, picture in variants(scene, number):
            judged[kind, page_kind.route(picture).kind] += 1
    assert all(kind == found for kind, found in judged), judged


@pytest.mark.data
@pytest.mark.slow
def test_98_percent_of_real_pages_are_told_apart(real_data):
    judged = Counter()
    for number, path in enumerate(sorted(real_data.glob("pepper_and_carrot/*/*.jpg"))):
        for kind, picture in variants(media.read_picture(path), number):
            judged[kind, page_kind.route(picture).kind] += 1
    right = sum(count for (kind, found), count in judged.items() if kind == found)
    assert right >= 0.98 * judged.total(), judged


def test_tinted_paper_is_no_colour():
    gray = pixels.gray(episode.draw_frame(0))
    sepia = np.dstack([gray, (gray * 0.9).astype(np.uint8), (gray * 0.75).astype(np.uint8)])
    assert page_kind.route(sepia).kind != "color"
    sepia[40:80, 60:120] = (200, 30, 40)
    assert page_kind.route(sepia).kind == "color"


def gray_page(width=600):
    """A gray page with white margins, large enough to be judged on a smaller copy."""
    page = np.full((width * 4 // 3, width), 255, np.uint8)
    for number in range(3):
        panel = cv2.resize(pixels.gray(episode.draw_frame(40 * number)), (width - 80, 220))
        page[30 + 250 * number:250 + 250 * number, 40:-40] = panel
    return page


def moved(gray, right, down):
    return cv2.warpAffine(gray, np.float32([[1, 0, right], [0, 1, down]]), gray.shape[::-1],
                          borderMode=cv2.BORDER_REPLICATE)


@pytest.mark.parametrize("by", [(1, 0), (0, -1), (1, 1), (0.5, 0.3)])
@pytest.mark.parametrize("paper", [(255, 255, 255), (250, 240, 205)])
def test_channels_that_are_shifted_are_no_colour(by, paper):
    gray = gray_page()
    page = np.dstack([moved(gray, *by), gray, moved(gray, -by[0] / 2, by[1])])
    page = (page * (np.float32(paper) / 255)).astype(np.uint8)
    assert page_kind.route(page).kind != "color"


@pytest.mark.parametrize("soft", [0.005, 0.01, 0.03])
@pytest.mark.parametrize("tint", [(0.04, 0.1, 0.3), (0.1, 0.2, 0.4), (0.02, 0.05, 0.2)])
def test_soft_stains_are_no_colour(soft, tint):
    gray = gray_page()
    y, x = (each / gray.shape[1] for each in np.mgrid[:gray.shape[0], :gray.shape[1]])
    stain = np.zeros(gray.shape)
    for across, down, radius in ((0.3, 0.3, 0.12), (0.8, 1, 0.2), (0.1, 1.2, 0.1)):
        from_middle = np.hypot(x - across, y - down) - radius
        stain = np.maximum(stain, 1 / (1 + np.exp(np.clip(from_middle / soft, -50, 50))))
    page = (gray[..., None] * (1 - stain[..., None] * tint)).astype(np.uint8)
    assert page_kind.route(page).kind != "color"


@pytest.mark.parametrize("strength", [5, 9])
def test_noise_of_chroma_is_no_colour(strength):
    noise = np.random.default_rng(0).normal(0, strength, (72, 32, 3)).astype(np.float32)
    frame = cv2.resize(pixels.gray(episode.draw_frame(40)), (768, 576))
    noise = cv2.resize(noise, frame.shape[::-1], interpolation=cv2.INTER_CUBIC)
    noise -= noise.mean(axis=2, keepdims=True)
    page = np.clip(frame[..., None] + noise, 0, 255).astype(np.uint8)
    assert np.ptp(page.astype(int), axis=2).max() > 3 * strength
    assert page_kind.route(page).kind != "color" and page_kind.colors(page)[0] == 0


@pytest.mark.parametrize("hue", [(200, 30, 40), (30, 60, 200), (20, 140, 60), (230, 120, 20)])
@pytest.mark.parametrize("side", [14, 30, 60])
def test_a_stamp_makes_no_page_coloured_and_keeps_its_hue(hue, side):
    page = np.dstack([gray_page()] * 3)
    page[-70:-70 + side, -90:-90 + side] = hue
    page[-64:-60, -84:-80] = 255
    route = page_kind.route(page)
    assert route.kind != "color" and route.has_stamp
    gray = pixels.gray(page)
    green = np.dstack([gray // 2, gray, gray // 2])
    stamped = hues.with_stamp(green, gray, page)
    assert (stamped[-70 + side - 3, -88] == hue).all()
    assert (stamped[:-120] == green[:-120]).all()
    deep = hues.with_stamp(green.astype(np.uint16) * 257, gray.astype(np.uint16) * 257, page)
    assert (deep[-70 + side - 3, -88] == np.multiply(hue, 257)).all()


def test_little_colour_is_colour_on_a_page_that_has_a_hue_of_its_own():
    """Of a night that is painted, or spread all over the page, it is no stamp."""
    gray = gray_page()
    night = (gray[..., None] * np.float32([0.25, 0.3, 0.5])).astype(np.uint8)
    night[300:340, 200:240] = (230, 120, 20)
    assert page_kind.route(night).kind == "color"
    spread = np.dstack([gray] * 3)
    for down in range(60, 760, 120):
        for across in range(60, 560, 120):
            spread[down:down + 12, across:across + 12] = (200, 30, 40)
    assert page_kind.route(spread).kind == "color"


@pytest.mark.parametrize("pitch", PITCHES)
def test_descreening_gives_back_the_tones(pitch):
    tones = np.tile(np.linspace(60, 220, 768).astype(np.uint8), (384, 1))
    page = halftone(tones, pitch, 30)
    route = page_kind.route(np.dstack([page] * 3))
    assert route.kind == "screentone" and abs(route.pitch - pitch) < 0.15 * pitch + 0.3
    tones_again = screentone.descreen(page, route.dots, route.pitch)[40:-40, 40:-40].astype(int)
    assert np.abs(np.diff(tones_again, axis=1)).mean() < 6
    assert np.abs(np.diff(page[40:-40, 40:-40].astype(int), axis=1)).mean() > 20


@pytest.fixture(scope="module")
def models(data_dir, tmp_path_factory):
    """A trained GAN as deep as the paper's: a shallow one gives colours as fine as coarse dots."""
    levels = (f"model.{network}=[4,4,4,4,4,4]" for network in ("encoder", "decoder",
                                                               "discriminator"))
    wanted, run_dir = tiny("cpu/gan_gray", *levels), tmp_path_factory.mktemp("deep") / "run"
    train.train(wanted, data_for(wanted, data_dir), run_dir)
    return colorize.Models(colorize.Model.load(run_dir))


@pytest.mark.slow
@pytest.mark.parametrize(("pitch", "treat_as"), [(6, "screentone"), (4, None), (6, None),
                                                 (10, None)])
def test_under_the_luminance_lock_screentone_keeps_its_dots_and_its_chroma_has_none(
        pitch, treat_as, models, tmp_path):
    """Dots of two grays, so that there is room for chroma: it is as smooth as under plain tones."""
    scene = cv2.resize(pixels.gray(episode.draw_frame(0)), (960, 540))
    page = (60 + halftone(scene, pitch, 45) * (120 / 255)).astype(np.uint8)
    media.write_picture(tmp_path / "dots.png", page)
    colorize.colorize(models, [tmp_path / "dots.png"], tmp_path / "out",
                      colorize.Settings(treat_as=treat_as, lock="luminance"))
    said, = json.loads((tmp_path / "out" / "report.json").read_text())["pages"]
    assert said["kind"] == "screentone"
    colored = media.read_picture(tmp_path / "out" / "dots.png")
    np.testing.assert_allclose(pixels.gray(colored).astype(int), page, atol=1)
    chroma = pixels.chroma(colored)[96:-96, 96:-96]
    assert np.ptp(chroma) > 8

    def dots(plane):
        """How much of a plane's detail is waves of the dots' length."""
        power = np.abs(np.fft.fft2(plane - cv2.GaussianBlur(plane, (0, 0), 8))) ** 2
        y, x = np.meshgrid(*(np.fft.fftfreq(length) for length in plane.shape), indexing="ij")
        ring = np.abs(np.hypot(y, x) - 1 / pitch) < 0.02
        return np.sqrt(power[ring].sum()) / plane.size

    printed = dots(page[96:-96, 96:-96].astype(np.float32))
    assert max(dots(chroma[..., 0]), dots(chroma[..., 1])) < 0.03 * printed


def test_line_art_is_told_from_pictures_with_gray_tones():
    frame = episode.draw_frame(0)
    lines = 255 - pixels.edges(frame, (360, 640))
    assert page_kind.gray_share(lines) < page_kind.GRAYS
    assert page_kind.gray_share(pixels.gray(frame)) >= page_kind.GRAYS
