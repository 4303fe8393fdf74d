import numpy as np

from keras_colorize.image import page_windows


def test_a_page_of_one_column_has_windows():
    windows = page_windows.windows(np.zeros((90, 1, 3), np.uint8), (64, 160))
    assert {window.shape for window in windows} == {(1, 1, 3)}


def test_windows_of_a_page_cover_it_overlap_by_half_and_have_the_frames_shape():
    page = np.arange(1401, dtype=np.int32)[:, None].repeat(992, axis=1)
    windows = page_windows.windows(page, (180, 320))
    assert {window.shape for window in windows} == {(558, 992)}
    tops = [int(window[0, 0]) for window in windows]
    assert len(windows) == 5 and all(np.diff(tops) <= 558 / 2)
    assert set(np.concatenate([window[:, 0] for window in windows])) == set(range(1401))


def test_a_picture_of_about_the_frames_shape_is_no_page(random_pictures):
    picture = random_pictures(480, 640, 3)
    assert [window.shape for window in page_windows.windows(picture, (180, 320))] == [(480, 640, 3)]


def test_the_box_within_black_bars_holds_all_that_is_ever_seen():
    frames = np.zeros((3, 100, 160, 3), np.uint8)
    frames[0, 20:60, 10:90] = 200
    frames[1, 40:80, 30:150] = 90
    frames[2, 5, 5] = page_windows.BAR_LUMINANCE  # what a codec smears into the bars
    assert page_windows.content_box(list(frames)) == (20, 10, 60, 140)
    np.testing.assert_array_equal(page_windows.crop(frames[0], (20, 10, 60, 140)),
                                  frames[0, 20:80, 10:150])
    frames[2, 0, 0] = frames[2, -1, -1] = 200
    assert page_windows.content_box(list(frames)) is None
    assert page_windows.content_box([]) is page_windows.content_box([frames[0] // 9]) is None
    assert page_windows.content_box([frames[0] // 9 * 9, frames[1][:, :-2]]) is None
    np.testing.assert_array_equal(page_windows.crop(frames[0], None), frames[0])


def test_panels_are_what_gutters_part_and_a_hint_speaks_for_its_own():
    page, told = np.full((60, 40), 250, np.uint8), np.zeros((60, 40), bool)
    page[4:28, 4:36] = page[32:56, 4:36] = 90
    page[8:20, 8:20] = 255  # a white window in the upper panel is no gutter
    told[10, 10] = True
    silent = page_windows.panels_without(page, told)
    assert silent[32:56, 4:36].all() and silent.sum() == 24 * 32
    told[40, 6] = True
    assert not page_windows.panels_without(page, told).any()
    told[:] = False
    told[30, 20] = True  # a hint in the gutter speaks for the page
    assert not page_windows.panels_without(page, told).any()


def test_specks_of_a_light_sky_and_a_figure_on_light_ground_are_no_panels():
    page, told = np.full((100, 100), 250, np.uint8), np.zeros((100, 100), bool)
    page[::7, ::5] = 230
    page[40:90, 20:60][np.tri(50, 40, dtype=bool)] = 90  # a figure
    page[60:90, 70:95] = 90
    told[75, 80] = True
    assert not page_windows.panels_without(page, told).any()
