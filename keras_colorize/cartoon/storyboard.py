"""Storyboard: the shots of the cartoon, as data."""

import dataclasses


@dataclasses.dataclass(frozen=True)
class Role:
    """A character of a shot: its action, its place, its speed to the right in units a second."""

    name: str
    x: float
    action: str = "stand"
    y: float = 430
    scale: float = 1.0
    mirror: bool = False
    speed: float = 0.0


@dataclasses.dataclass(frozen=True)
class Shot:
    """A run of frames seen by one camera on one set.

    camera: centre x, centre y in units of the set, and pixels per unit; pan: how far the camera
    moves to the right in a second; hold: first and last drawing between which the first is held;
    fade: the shot ends in black.
    """

    place: str
    frames: int
    camera: tuple[float, float, float]
    roles: tuple[Role, ...] = ()
    pan: float = 0.0
    hold: tuple[int, int] | None = None
    caption: str = ""
    fade: bool = False

    def drawing(self, frame: int) -> int:
        """Returns the drawing at a frame of the shot: a new one every second frame, unless held."""
        drawing = frame // 2
        return self.hold[0] if self.hold and drawing in range(*self.hold) else drawing

    def center(self, frame: int) -> float:
        """Returns the camera's centre x at a frame of the shot."""
        return self.camera[0] + self.pan * frame / 24

    def brightness(self, frame: int) -> float:
        """Returns how bright a frame is, 0..1: a fade takes 16 frames, and 16 more are black."""
        return min(1.0, max(0.0, (self.frames - 16 - frame) / 16)) if self.fade else 1.0


_STORY: tuple[Shot, ...] = (
    Shot("meadow", 56, (330, 280, 0.95), (Role("rosa", 300, "wave"), Role("pim", 470)),
         pan=60, caption="A day with Rosa and Indigo"),
    Shot("room", 44, (560, 290, 1.0), (Role("indigo", 480, "talk"),
                                       Role("bolt", 690, mirror=True))),
    Shot("seaside", 44, (300, 300, 1.1),
         (Role("rosa", 120, "walk", speed=70), Role("indigo", 260, "walk", speed=70))),
    Shot("evening", 44, (860, 280, 1.0), (Role("pim", 760, "jump"), Role("bolt", 960, "wave"))),
    Shot("canyon", 48, (420, 290, 1.0), (Role("bolt", 240, "walk", speed=80), Role("rosa", 540))),
    Shot("meadow", 44, (880, 300, 2.4), (Role("indigo", 880, "talk"),)),
    Shot("evening", 48, (300, 290, 1.0),
         (Role("rosa", 210, "talk"), Role("indigo", 390, mirror=True)), hold=(6, 16)),
    Shot("room", 40, (980, 290, 1.1), (Role("pim", 900, "wave"), Role("rosa", 1060, mirror=True))),
    Shot("canyon", 52, (300, 280, 0.9), (Role("indigo", 560, "walk", speed=120),), pan=130),
    Shot("seaside", 40, (700, 340, 5.2), (Role("pim", 696, "talk", y=436),)),
    Shot("room", 44, (330, 280, 0.95), (Role("rosa", 230, "jump"), Role("indigo", 400, "jump"))),
    Shot("meadow", 44, (640, 290, 1.0),
         (Role("bolt", 480, "talk"), Role("pim", 640, "jump"), Role("rosa", 800, mirror=True))),
    Shot("seaside", 48, (900, 290, 1.0), (Role("indigo", 820, "wave"), Role("bolt", 1000)),
         caption="The sea is far too blue"),
    Shot("canyon", 40, (900, 300, 2.3), (Role("rosa", 900, "talk", mirror=True),)),
    Shot("evening", 64, (640, 290, 1.0), (Role("pim", 500, "walk", speed=60),
                                          Role("indigo", 770, "wave")), fade=True),
    Shot("meadow", 44, (1000, 290, 1.0), (Role("rosa", 940, "walk", speed=40),
                                          Role("indigo", 1080, "walk", speed=40))),
    Shot("room", 48, (700, 300, 1.25), (Role("bolt", 600, "jump"), Role("pim", 790, "talk"))),
    Shot("seaside", 52, (330, 280, 0.9), (Role("pim", 400, "walk", speed=110),
                                          Role("rosa", 560, "walk", speed=110)), pan=110),
    Shot("canyon", 44, (640, 300, 1.1), (Role("indigo", 540), Role("pim", 720, "wave"))),
    Shot("evening", 40, (420, 300, 2.4), (Role("bolt", 420, "talk"),)),
    Shot("room", 44, (460, 300, 1.2), (Role("rosa", 380, "wave"), Role("bolt", 560, mirror=True))),
    Shot("meadow", 44, (250, 290, 1.05), (Role("indigo", 120, "walk", speed=60), Role("pim", 360))),
    Shot("canyon", 44, (1000, 290, 1.0), (Role("rosa", 900, mirror=True),
                                          Role("indigo", 1040, "talk"),
                                          Role("bolt", 1180, "wave"))),
    Shot("seaside", 40, (560, 305, 2.5), (Role("indigo", 560, "talk", mirror=True),)),
    Shot("evening", 52, (400, 290, 1.0), (Role("rosa", 540, "walk", speed=90),), pan=90),
    Shot("meadow", 48, (520, 300, 1.2), (Role("bolt", 430, "wave"), Role("indigo", 600, "jump")),
         hold=(10, 20)),
    Shot("room", 44, (900, 290, 1.0), (Role("indigo", 800, "talk"), Role("rosa", 960, mirror=True),
                                       Role("pim", 1090))),
    Shot("seaside", 44, (1060, 290, 1.0), (Role("rosa", 980, "jump"), Role("pim", 1120, "jump"))),
    Shot("canyon", 44, (260, 300, 1.15), (Role("pim", 180, "walk", speed=60), Role("bolt", 380))),
    Shot("evening", 44, (980, 290, 1.05), (Role("indigo", 880, "talk"),
                                           Role("rosa", 1070, "wave", mirror=True))),
    Shot("meadow", 40, (700, 330, 2.6), (Role("pim", 700, "wave"),)),
    Shot("room", 40, (660, 300, 2.4), (Role("rosa", 610, "talk"),
                                       Role("indigo", 710, mirror=True))),
    Shot("seaside", 48, (640, 285, 0.95), (Role("bolt", 440, "walk", speed=70), Role("rosa", 700),
                                           Role("indigo", 830, mirror=True))),
    Shot("evening", 72, (700, 280, 0.9), (Role("rosa", 500, "wave"), Role("indigo", 630, "wave"),
                                          Role("bolt", 770, "wave"), Role("pim", 910, "wave")),
         caption="Good night", fade=True),
)


def _other_take(shot: Shot) -> Shot:
    """Returns the same scene for a second, with the camera nearer the middle and the cast mirrored.

    So every set and character is in many frames, as in a long series.
    """
    x, y, zoom = shot.camera
    middle = x + 110 if x < 650 else x - 110
    zoom = zoom * 1.2 if zoom < 2 else zoom / 1.6
    roles = tuple(dataclasses.replace(role, x=middle + x - role.x, mirror=not role.mirror,
                                      speed=-role.speed) for role in shot.roles)
    return Shot(shot.place, 24, (middle, y, zoom), roles, pan=60 if middle < 650 else -60)


SHOTS = (*_STORY[:-1], *map(_other_take, _STORY[:-1]), _STORY[-1])
