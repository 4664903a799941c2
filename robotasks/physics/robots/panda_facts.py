"""Published numbers of the Franka Emika Panda; metres, kilograms, radians, newtons.

Frames, limits, gripper: Franka's documentation and franka_ros (Apache-2.0). Inertial parameters:
Gaz, Cognetti, Oliva, Robuffo Giordano and De Luca, "Dynamic identification of the Franka Emika
Panda robot with retrieval of feasible parameters", RA-L 2019. They are feasible rather than
anatomical: the sums that move the arm are right, the single link's numbers need not be.
"""

from dataclasses import dataclass

# Modified Denavit-Hartenberg lengths.
SHOULDER_HEIGHT = 0.333
UPPER_ARM = 0.316
ELBOW_OFFSET = 0.0825
FOREARM = 0.384
WRIST_OFFSET = 0.088
FLANGE = 0.107
TCP_IN_HAND = 0.1034  # from the flange to between the finger tips

FINGERS_IN_HAND = 0.0584
FINGER_STROKE = 0.04
FINGER_MASS = 0.015
FINGER_INERTIA = (2.375e-6, 2.375e-6, 7.5e-7)
PAD_CENTRE = (0.0, 0.00758, 0.04525)  # in the finger; the rubber tip of franka_ros
PAD_HALF = (0.00875, 0.0076, 0.00925)

HAND_MASS = 0.73
HAND_CENTRE = (-0.01, 0.0, 0.03)
HAND_INERTIA = (0.001, 0.0025, 0.0017)


@dataclass(frozen=True)
class Link:
    """One link: its frame in the one before, the joint there, and its inertial parameters.

    `inertia` is Ixx Iyy Izz Ixy Ixz Iyz about `centre`, in the link's frame.
    """

    pos: tuple[float, float, float]
    quat: tuple[float, float, float, float]
    range: tuple[float, float]
    torque: float
    mass: float
    centre: tuple[float, float, float]
    inertia: tuple[float, float, float, float, float, float]


_STRAIGHT, _BACK, _FORTH = (
    (1, 0, 0, 0),
    (1, -1, 0, 0),
    (1, 1, 0, 0),
)  # turns of -+90 degrees about x

# fmt: off
LINKS = (
    Link((0, 0, SHOULDER_HEIGHT), _STRAIGHT, (-2.8973, 2.8973), 87,
         4.970684, (.003875, .002081, -.04762),
         (.70337, .70661, .009117, -.000139, .006772, .019169)),
    Link((0, 0, 0), _BACK, (-1.7628, 1.7628), 87,
         .646926, (-.003141, -.02872, .003495),
         (.007962, .02811, .025995, -.003925, .010254, .000704)),
    Link((0, -UPPER_ARM, 0), _FORTH, (-2.8973, 2.8973), 87,
         3.228604, (.027518, .039252, -.066502),
         (.037242, .036155, .01083, -.004761, -.011396, -.012805)),
    Link((ELBOW_OFFSET, 0, 0), _FORTH, (-3.0718, -.0698), 87,
         3.587895, (-.05317, .104419, .027454),
         (.025853, .019552, .028323, .007796, -.001332, .008641)),
    Link((-ELBOW_OFFSET, FOREARM, 0), _BACK, (-2.8973, 2.8973), 12,
         1.225946, (-.011953, .041065, -.038437),
         (.035549, .029474, .008627, -.002117, -.004037, .000229)),
    Link((0, 0, 0), _FORTH, (-.0175, 3.7525), 12,
         1.666555, (.060149, -.014117, -.010517),
         (.001964, .004354, .005433, .000109, -.001158, .000341)),
    Link((WRIST_OFFSET, 0, 0), _FORTH, (-2.8973, 2.8973), 12,
         .735522, (.010517, -.004252, .061597),
         (.012516, .010027, .004815, -.000428, -.001196, -.000741)),
)
# fmt: on
