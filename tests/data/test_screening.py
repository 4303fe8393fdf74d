import itertools

import av
import cv2
import numpy as np
import pytest
from scenedetect import FrameTimecode
from scenedetect.detectors import ContentDetector

from keras_colorize import media
from keras_colorize.cartoon import episode
from keras_colorize.data import screening

FADE = 684  # the first black frame of the first fade


@pytest.fixture(scope="module")
def drawn():
    """A frame of the episode in full colour."""
    return episode.draw_frame(100)


def as_gray(picture):
    """A picture without its colours, three channels."""
    return cv2.cvtColor(cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY), cv2.COLOR_GRAY2RGB)


def as_jpeg(picture, quality):
    """A picture as JPEG gives it back."""
    options = [cv2.IMWRITE_JPEG_QUALITY, quality]
    return cv2.imdecode(cv2.imencode(".jpg", picture, options)[1], cv2.IMREAD_COLOR)


def thumbnail(picture):
    """A frame as the detector is shown it."""
    return cv2.resize(picture, (256, 144), interpolation=cv2.INTER_AREA)[:, :, ::-1].copy()


def numbers(pictures):
    """The drawing that each of some frames is said to show."""
    detector = screening.HeldDetector()
    return [detector.drawing(thumbnail(picture)) for picture in pictures]


def noisy(picture, deviation, seed=0):
    """A picture with noise of a standard deviation in levels."""
    noise = np.random.default_rng(seed).normal(0, deviation, picture.shape)
    return np.clip(picture + noise, 0, 255).astype(np.uint8)


def test_a_fade_is_near_black_at_its_end_and_only_there():
    assert screening.is_near_black(episode.draw_frame(FADE))
    assert screening.is_near_black(noisy(np.full((360, 640, 3), 12, np.uint8), 6))
    assert not screening.is_near_black(episode.draw_frame(FADE - 4))


def test_a_night_scene_or_a_lamp_in_the_dark_is_not_near_black():
    night = np.full((360, 640, 3), (10, 20, 90), np.uint8)
    assert not screening.is_near_black(night)
    lamp = np.zeros((360, 640, 3), np.uint8)
    lamp[100:136, 100:260] = 200  # 2.5 % of the picture
    assert not screening.is_near_black(lamp)


def test_gray_pictures_and_tinted_paper_are_near_gray(drawn):
    assert screening.is_near_gray(as_gray(drawn))
    for quality in (30, 90):
        assert screening.is_near_gray(as_jpeg(as_gray(drawn), quality))
    assert screening.is_near_gray(noisy(as_gray(drawn), 4))
    paper = np.full((360, 640, 3), (236, 233, 222), np.uint8)  # that of the comic's credits
    assert screening.is_near_gray(paper)


def test_colours_are_not_near_gray_even_in_a_small_part(drawn):
    assert not screening.is_near_gray(drawn)
    assert not screening.is_near_gray(drawn // 4)
    ribbon = as_gray(drawn)
    ribbon[:40, :200] = (200, 30, 30)  # 3.5 % of the picture
    assert not screening.is_near_gray(ribbon)


def test_a_margin_or_an_empty_sky_is_near_blank():
    for tone in ((255, 255, 255), (120, 160, 220)):
        window = np.full((558, 992, 3), tone, np.uint8)
        window[500:, 800:] = 0  # 2.2 %: the corner of a panel
        assert screening.is_near_blank(window)
        assert screening.is_near_blank(noisy(window, 8))


def test_a_drawing_or_a_gradient_is_not_near_blank(drawn):
    assert not screening.is_near_blank(drawn)
    assert not screening.is_near_blank(as_gray(drawn))
    gradient = np.linspace(0, 255, 640).astype(np.uint8)
    assert not screening.is_near_blank(np.tile(gradient[None, :, None], (360, 1, 3)))
    figure = np.full((360, 640, 3), 255, np.uint8)
    figure[200:300, 300:460] = (180, 90, 60)  # 7 %: a figure on white
    assert not screening.is_near_blank(figure)


def test_pictures_of_any_shape_are_judged(random_pictures):
    for shape in ((1, 1, 3), (3, 2000, 3), (2000, 3, 3)):
        white = np.full(shape, 255, np.uint8)
        assert screening.is_near_blank(white) and screening.is_near_gray(white)
        assert not screening.is_near_black(white)


def test_noise_does_not_end_a_drawing(drawn):
    assert numbers([noisy(drawn, 4, seed) for seed in range(5)]) == [0] * 5


def test_a_closed_eye_is_another_drawing(drawn):
    eye = drawn.copy()
    eye[180:188, 300:308] = 255 - eye[180:188, 300:308]
    assert numbers([drawn, drawn, eye, eye, drawn]) == [0, 0, 1, 1, 2]


def test_a_slow_pan_is_not_a_held_drawing(drawn):
    # An eighth of a pixel a frame: each step alone is below codec noise.
    pan = [cv2.warpAffine(drawn, np.array([[1, 0, step / 8], [0, 1, 0]]), (640, 360),
                          borderMode=cv2.BORDER_REPLICATE) for step in range(25)]
    assert numbers(pan)[-1] >= 3
    neighbours = [numbers([first, second]) for first, second in itertools.pairwise(pan)]
    assert neighbours.count([0, 0]) > 20


def test_frames_of_another_size_are_another_drawing(drawn):
    detector = screening.HeldDetector()
    assert detector.drawing(thumbnail(drawn)) == 0
    assert detector.drawing(drawn[::4, ::4].copy()) == 1


def drawings_of(indices):
    """The true drawing of each frame of the episode, as what sets its picture."""
    starts = {}
    for index in indices:
        starts.setdefault(episode.shot_of(index), index)
    shots = [(episode.shot_of(index), index) for index in indices]
    return [(number, episode.SHOTS[number].drawing(index - starts[number]),
             episode.SHOTS[number].center(index - starts[number])) for number, index in shots]


def changes(drawings):
    """For each frame but the first whether it shows another drawing than the one before it."""
    return [before != after for before, after in itertools.pairwise(drawings)]


def test_the_drawings_of_a_film_are_found(film):
    detector = screening.HeldDetector()
    found = [detector.drawing(frame.thumbnail()) for frame in media.read_video(film)]
    true = drawings_of(range(len(found)))
    assert changes(found) == changes(true)


def test_a_held_drawing_is_found_in_a_coarsely_compressed_film(tmp_path):
    start = next(index for index in range(400) if episode.shot_of(index) == 6)
    indices = range(start, start + 40)
    with av.open(str(tmp_path / "held.mp4"), "w") as container:
        stream = container.add_stream("libx264", rate=24, options={"crf": "23"})
        stream.height, stream.width, stream.pix_fmt = 360, 640, "yuv420p"
        for index in indices:
            frame = av.VideoFrame.from_ndarray(episode.draw_frame(index), "rgb24")
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    detector = screening.HeldDetector()
    found = [detector.drawing(frame.thumbnail())
             for frame in media.read_video(tmp_path / "held.mp4")]
    true = drawings_of(indices)
    assert changes(found) == changes(true)
    assert max(found.count(number) for number in found) == 20


class Cuts:
    """Our detector beside PySceneDetect's, of the thumbnails of a video."""

    def __init__(self, of_luminance=False):
        self.theirs = ContentDetector(min_scene_len=0, luma_only=of_luminance)
        self.ours, self.shots, self.cuts = screening.ShotDetector(), [0], []

    def see(self, colored, shown=None):
        """Shows both a frame, uint8 BGR, or us its luminance."""
        self.shots.append(self.ours.shot(colored if shown is None else shown))
        self.cuts.append(bool(self.theirs.process_frame(FrameTimecode(len(self.cuts), 25.0),
                                                        colored)))

    def agree(self):
        """Whether both cut where the other does, at least once."""
        assert any(self.cuts)
        return np.diff(self.shots).tolist() == self.cuts


@pytest.mark.parametrize("name", ["film", pytest.param("real film", marks=[pytest.mark.slow,
                                                                           pytest.mark.data])])
def test_a_film_is_cut_where_pyscenedetect_cuts_it(name, request):
    path = request.getfixturevalue("film") if name == "film" else request.getfixturevalue(
        "real_data") / "big_buck_bunny" / "big_buck_bunny_720p.mp4"
    in_color, in_gray = Cuts(), Cuts(of_luminance=True)
    for frame in media.read_video(path):
        small = frame.thumbnail(screening.SHOT_WIDTH, exact=False)
        luminance = cv2.cvtColor(small, cv2.COLOR_BGR2GRAY)
        in_color.see(small)
        in_gray.see(cv2.merge([luminance] * 3), luminance)
    assert in_color.agree() and in_gray.agree()


def test_a_cut_is_a_change_of_27_as_for_pyscenedetect():
    in_color, in_gray = Cuts(), Cuts(of_luminance=True)
    for value in (0, 26, 53, 79, 106, 186, 105, 24, 105):  # by 27 of one channel, and of three
        gray = np.full((72, 128), value, np.uint8)
        in_color.see(cv2.merge([gray] * 3))
        in_gray.see(cv2.merge([gray] * 3), gray)
    assert in_color.agree() and in_gray.agree()
    assert np.diff(in_gray.shots).tolist() == [0, 0, 1, 0, 1, 1, 1, 1, 1]
    assert np.diff(in_color.shots).tolist() == [0, 0, 0, 0, 0, 0, 1, 1, 1]


def test_frames_of_another_shape_are_another_shot():
    shots = screening.ShotDetector()
    assert [shots.shot(np.zeros((height, 128, 3), np.uint8)) for height in (72, 54, 54, 72)] == [
        0, 1, 1, 2]
