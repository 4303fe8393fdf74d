"""The characters of the cartoon: their palettes, their poses and how each is drawn."""

import dataclasses
import math

from keras_colorize.cartoon.drawing import CIRCLE, Color, Pen

TWIN: dict[str, Color] = {
    "outline": (52, 24, 48), "skin": (255, 200, 156), "dress": (214, 44, 58),
    "collar": (255, 214, 84), "shoes": (122, 52, 24), "socks": (255, 226, 150),
    "white": (255, 250, 240), "iris": (44, 140, 84), "cheek": (255, 144, 120),
    "mouth": (150, 32, 52), "ribbon": (255, 200, 40),
}
PALETTES: dict[str, dict[str, Color]] = {
    "rosa": TWIN | {"hair": (246, 96, 158)},
    "indigo": TWIN | {"hair": (70, 74, 206)},
    "bolt": {
        "outline": (16, 40, 58), "shell": (26, 176, 150), "joint": (36, 84, 128),
        "visor": (20, 40, 96), "glow": (150, 255, 214), "panel": (255, 176, 36),
        "lamp": (236, 56, 48),
    },
    "pim": {
        "outline": (72, 36, 12), "fur": (255, 212, 32), "belly": (255, 240, 160),
        "tips": (240, 112, 20), "white": (255, 250, 240), "pupil": (60, 28, 24),
        "cheek": (250, 110, 90), "mouth": (170, 40, 44),
    },
}
CHARACTERS: tuple[str, ...] = tuple(PALETTES)  # in drawing order, the last in front


@dataclasses.dataclass(frozen=True)
class Pose:
    """A moment of an action: `swing` of legs and arms, -1..1; `lift` above the ground, in units of
    the character; `wave`, the degrees of a raised hand; `talk`, how open the mouth is, 0..1.
    """

    swing: float = 0.0
    lift: float = 0.0
    wave: float | None = None
    talk: float = 0.0
    blink: bool = False


def pose(action: str, drawing: int, delay: int = 0) -> Pose:
    """Returns the pose of "stand", "walk", "wave", "talk" or "jump" at a drawing, 12 a second.

    `delay` shifts the cycle, so that characters of one shot do not move in step.
    """
    turn = 2 * math.pi * (drawing + delay) / 12
    swing = math.sin(1.5 * turn) if action == "walk" else 0.1 * math.sin(0.6 * turn)
    lifts = {"walk": 5 * abs(swing), "jump": 42 * abs(math.sin(0.75 * turn))}
    return Pose(
        swing=swing,
        lift=lifts.get(action, 0.0),
        wave=20 * math.sin(2 * turn) if action in ("wave", "jump") else None,
        talk=abs(math.sin(1.25 * turn)) if action == "talk" else 0.0,
        blink=(drawing + delay) % 22 >= 20,
    )


def draw_character(pen: Pen, name: str, pose: Pose) -> None:
    """Draws a character that stands on the pen's origin and looks a little to the right."""
    {"bolt": _robot, "pim": _creature}.get(name, _twin)(pen.moved(0, -pose.lift), pose)


def _arm(pen: Pen, sleeve: str, hand: str, shoulder: tuple[float, float], angle: float,
         width: float) -> None:
    """Draws an arm that hangs at 0 degrees and points outwards at 90, to the shoulder's side."""
    limb = pen.moved(*shoulder, mirror=shoulder[0] < 0, degrees=-angle)
    limb.stroke(hand, [(0, 4), (3, 24), (2, 38)], width)
    limb.stroke(sleeve, [(0, 2), (2, 14)], width + 3)
    limb.disk(hand, 2, 41, width * 0.62)


def _arm_angles(pose: Pose) -> tuple[float, float]:
    """Returns the degrees of the far and of the near arm."""
    rest = 14 + 34 * pose.swing, 14 - 34 * pose.swing
    return rest if pose.wave is None else (rest[0], 142 + pose.wave)


def _twin(pen: Pen, pose: Pose) -> None:
    sway = 4 * pose.swing
    pen.blob("hair", [(-44, -160), (0, -186), (44, -160), (51, -112), (44 - sway, -68),
                      (18 - sway, -76), (-18 - sway, -76), (-46 - sway, -66), (-53, -112)])
    far, near = _arm_angles(pose)
    _arm(pen, "dress", "skin", (-18, -94), far, 10)
    for side in (-1, 1):
        foot = side * 12 + 17 * side * pose.swing
        up = 7 * max(0.0, -side * pose.swing)
        pen.stroke("skin", [(side * 11, -52), (foot, -12 - up)], 11)
        pen.stroke("socks", [(foot, -18 - up), (foot, -10 - up)], 12)
        pen.disk("shoes", foot + 4, -5 - up, 13, 7)
    pen.blob("dress", [(-17, -104), (17, -104), (23, -74), (38, -42), (14, -37), (-14, -37),
                       (-38, -42), (-23, -74)])
    pen.stroke("collar", [(-31, -49), (0, -45), (31, -49)], 4, 0)
    _arm(pen, "dress", "skin", (18, -94), near, 10)
    pen.blob("collar", [(-20, -106), (0, -99), (20, -106), (13, -92), (0, -88), (-13, -92)])
    for side in (-1, 1):
        pen.disk("skin", side * 43, -128, 8, 10)
    pen.blob("skin", [(-42, -140), (-24, -176), (24, -176), (42, -140), (34, -112), (0, -98),
                      (-34, -112)])
    _twin_face(pen.moved(4, -130), pose)
    pen.blob("hair", [(-47, -126), (-49, -158), (-28, -188), (4, -196), (34, -184), (50, -154),
                      (47, -126), (40, -148), (28, -160), (22, -146), (8, -162), (-4, -148),
                      (-22, -164), (-34, -144)])
    ribbon = pen.moved(-30, -184, degrees=-28)
    for side in (-1, 1):
        ribbon.blob("ribbon", [(0, 0), (side * 20, -12), (side * 23, 0), (side * 20, 12)])
    ribbon.disk("ribbon", 0, 0, 6)


def _twin_face(pen: Pen, pose: Pose) -> None:
    for side in (-1, 1):
        eye = pen.moved(side * 17, 0)
        if pose.blink:
            eye.stroke("outline", [(-9, 1), (0, 5), (9, 1)], 3, 0)
        else:
            eye.disk("white", 0, 0, 9, 12)
            eye.disk("iris", 1.5, 1.5, 6, 9, 0)
            eye.disk("outline", 1.5, 2, 3.5, 6, 0)
            eye.disk("white", 4, -3, 2.4, line=0)
        pen.disk("cheek", side * 27, 15, 6, 4, 0)
    pen.stroke("outline", [(1, 6), (3, 8)], 2, 0)
    _mouth(pen.moved(0, 18), pose, 10)


def _mouth(pen: Pen, pose: Pose, width: float) -> None:
    if pose.talk > 0.25:
        pen.disk("mouth", 0, 2, width * 0.7, 1 + 6 * pose.talk)
    else:
        pen.stroke("outline", [(-width, -1), (-width / 2, 3), (0, 4), (width / 2, 3), (width, -1)],
                   2.5, 0)


def _robot(pen: Pen, pose: Pose) -> None:
    far, near = _arm_angles(pose)
    _arm(pen, "joint", "shell", (-34, -84), far, 11)
    for side in (-1, 1):
        up = 8 * max(0.0, -side * pose.swing)
        foot = side * 18 + 12 * side * pose.swing
        pen.stroke("joint", [(side * 16, -44), (foot, -14 - up)], 11)
        pen.box("shell", (foot - 14, -16 - up, foot + 17, -1 - up), round_by=7)
    pen.box("shell", (-34, -98, 34, -36), round_by=14)
    pen.box("panel", (-22, -84, 22, -52), round_by=6)
    pen.disk("lamp", -9, -68, 7)
    for row in (-75, -68, -61):
        pen.stroke("joint", [(4, row), (16, row)], 3, 0)
    _arm(pen, "joint", "shell", (34, -84), near, 11)
    pen.box("joint", (-12, -108, 12, -98))
    pen.stroke("joint", [(0, -168), (4, -190)], 4)
    pen.disk("lamp", 4, -194, 8)
    for side in (-1, 1):
        pen.disk("joint", side * 46, -138, 8, 14)
    pen.box("shell", (-46, -172, 46, -108), round_by=24)
    pen.box("visor", (-32, -160, 40, -120), round_by=16)
    for x in (-12, 20):
        pen.disk("glow", x, -143, 7, 1.5 if pose.blink else 8, 0)
    pen.stroke("glow", [(-4, -129), (4, -127 + 4 * pose.talk), (12, -129)], 3, 0)


def _creature(pen: Pen, pose: Pose) -> None:
    tail = pen.moved(-34, -24, degrees=8 * pose.swing)
    tail.stroke("fur", CIRCLE[16:37] * (38, 34) + (0, -34), 13)
    tail.disk("tips", -32, -64, 17)
    for side in (-1, 1):
        ear = pen.moved(side * 34, -118, mirror=side < 0, degrees=58 + 9 * pose.swing)
        ear.blob("fur", [(-15, 10), (-25, -30), (-20, -62), (0, -76), (20, -62), (25, -30),
                         (15, 10)])
        ear.blob("tips", [(-10, -14), (-15, -36), (-10, -56), (0, -64), (10, -56), (15, -36),
                          (10, -14)], 0)
    for side in (-1, 1):
        foot = side * 24 + 10 * side * pose.swing
        pen.disk("tips", foot + 4, -7 - 6 * max(0.0, -side * pose.swing), 19, 9)
    pen.blob("fur", [(-34, -80), (34, -80), (48, -36), (34, -8), (-34, -8), (-48, -36)])
    pen.disk("belly", 4, -38, 27, 27, 0)
    far, near = _arm_angles(pose)
    for side, angle in ((-1, far), (1, near)):
        limb = pen.moved(side * 36, -66, 0.8, side < 0, -angle)
        limb.blob("fur", [(-12, -4), (10, -4), (13, 26), (0, 36), (-11, 26)])
    for degrees in (-28, 24, 0):
        tuft = pen.moved(0, -134, degrees=degrees)
        tuft.blob("tips", [(-8, 6), (-7, -14), (3, -32), (9, -12), (8, 6)])
    pen.blob("fur", [(-54, -92), (-42, -124), (0, -138), (42, -124), (54, -92), (34, -66),
                     (0, -60), (-34, -66)])
    _creature_face(pen.moved(4, -94), pose)


def _creature_face(pen: Pen, pose: Pose) -> None:
    for side in (-1, 1):
        eye = pen.moved(side * 23, -3)
        if pose.blink:
            eye.stroke("outline", [(-8, 0), (0, 4), (8, 0)], 3, 0)
        else:
            eye.disk("pupil", 0, 0, 8, 10)
            eye.disk("white", 3, -4, 3.5, line=0)
            eye.disk("white", -3, 4, 1.6, line=0)
        pen.disk("cheek", side * 38, 12, 8, 6, 0)
    pen.disk("pupil", 0, 4, 5, 3.5, 0)
    pen.stroke("outline", [(0, 6), (0, 11)], 2, 0)
    _mouth(pen.moved(0, 13), pose, 11)
    pen.polygon("white", [(5, 15), (11, 14), (9, 20)], 0.8)
