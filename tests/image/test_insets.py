"""Frames on another panel: which lie in a margin of their own."""

import cv2
import numpy as np
import pytest

from keras_colorize.image.insets import inset_margins


@pytest.mark.parametrize("ground, line, is_inset", [(170, 0, True), (0, 0, True), (170, 3, False),
                                                    (255, 0, False)])
def test_an_inset_has_an_even_margin_that_no_line_bounds(ground, line, is_inset):
    gray = np.full((300, 260), ground, np.uint8)
    gray[60:200, 50:180] = 255
    if line:
        cv2.rectangle(gray, (49, 59), (180, 200), 0, line)
    cv2.rectangle(gray, (60, 70), (169, 189), 0, 3)
    cv2.circle(gray, (78, 130), 14, 0, 3)  # what is drawn touches the frame
    margins = inset_margins(gray, gray < 100, 236)
    strip = np.zeros(gray.shape, bool)
    strip[62:198, 52:178] = True
    strip[68:192, 58:172] = False
    assert margins[strip].all() == margins[strip].any() == is_inset
    assert not margins[72:188, 62:168].any() and not margins[gray < 236].any()
