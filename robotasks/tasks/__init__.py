"""Tasks: what to do, in pure functions of named sensors."""

from __future__ import annotations

from robotasks.layout import unknown
from robotasks.tasks.hockey.auto import Auto, AutoLong
from robotasks.tasks.hockey.bank import Bank
from robotasks.tasks.hockey.dribble import Dribble
from robotasks.tasks.hockey.goalie import Goalie
from robotasks.tasks.hockey.one_timer import OneTimer
from robotasks.tasks.hockey.pass_ import Pass
from robotasks.tasks.hockey.retrieve import Retrieve
from robotasks.tasks.hockey.shoot import Shoot
from robotasks.tasks.hockey.slap import Slap
from robotasks.tasks.hockey.stop import Stop
from robotasks.tasks.hockey.wrist import Wrist
from robotasks.tasks.lid.choose import LidChoose
from robotasks.tasks.lid.flip import LidFlip
from robotasks.tasks.lid.place import LidPlace
from robotasks.tasks.lid.press import LidPress
from robotasks.tasks.lid.screw import ScrewOn, Unscrew
from robotasks.tasks.lid.slide import LidSlide
from robotasks.tasks.lid.twist_held import TwistHeld
from robotasks.tasks.lid.twist_off import TwistOff
from robotasks.tasks.lid.twist_on import TwistOn
from robotasks.tasks.plane.assemble import Assemble
from robotasks.tasks.plane.change_wheel import ChangeWheel
from robotasks.tasks.plane.disassemble import Disassemble
from robotasks.tasks.plane.nose import Nose
from robotasks.tasks.plane.propeller import Propeller
from robotasks.tasks.plane.tail import Tail
from robotasks.tasks.plane.wheel import Wheel
from robotasks.tasks.plane.wheel_held import WheelHeld
from robotasks.tasks.plane.wheel_pair import WheelPair
from robotasks.tasks.plane.wing import Wing
from robotasks.tasks.push.push_around import PushAround
from robotasks.tasks.push.push_heavy import PushHeavy
from robotasks.tasks.push.push_pose import PushPose
from robotasks.tasks.push.push_pull import PushPull
from robotasks.tasks.push.push_slide import PushSlide
from robotasks.tasks.push.push_slot import PushSlot
from robotasks.tasks.push.push_sweep import PushSweep
from robotasks.tasks.push.push_to import PushTo
from robotasks.tasks.push.push_two import PushTwo
from robotasks.tasks.push.push_wall import PushWall
from robotasks.tasks.reach import Reach
from robotasks.tasks.reset_free import ResetFreeTask
from robotasks.tasks.shape.extract import Extract
from robotasks.tasks.shape.insert import Insert
from robotasks.tasks.shape.insert_held import InsertHeld
from robotasks.tasks.shape.insert_moved import InsertMoved
from robotasks.tasks.shape.insert_tight import InsertTight
from robotasks.tasks.shape.lift import Lift
from robotasks.tasks.shape.place import Place
from robotasks.tasks.shape.select import Select
from robotasks.tasks.shape.sort2 import Sort2
from robotasks.tasks.shape.sort3 import Sort3
from robotasks.tasks.task import Task

_ALL = (
    Reach(),
    PushTo(),
    PushPose(),
    PushPull(),
    PushHeavy(),
    PushAround(),
    PushTwo(),
    PushWall(),
    PushSlot(),
    PushSlide(),
    PushSweep(),
    Shoot(),
    Pass(),
    Slap(),
    Wrist(),
    Bank(),
    Dribble(),
    Goalie(),
    OneTimer(),
    Stop(),
    Retrieve(),
    InsertHeld(),
    Lift(),
    Place(),
    Insert(),
    InsertMoved(),
    InsertTight(),
    Select(),
    Sort2(),
    Sort3(),
    Extract(),
    TwistHeld(),
    LidPlace(),
    LidPress(),
    TwistOn(),
    TwistOff(),
    ScrewOn(),
    Unscrew(),
    LidFlip(),
    LidSlide(),
    LidChoose(),
    WheelHeld(),
    Wheel(),
    WheelPair(),
    Wing(),
    Tail(),
    Propeller(),
    Nose(),
    Assemble(),
    Disassemble(),
    ChangeWheel(),
)
TASKS: dict[str, Task] = {task.name: task for task in _ALL}
"""All tasks by name, family by family."""


RESET_FREE: dict[str, ResetFreeTask] = {task.name: task for task in (Auto(), AutoLong())}
"""Tasks for a life without resets, by name. They are found like the others, but in no suite."""


def find_task(name: str) -> Task:
    """Return the task called `name`; a KeyError lists the near ones."""
    known = TASKS | RESET_FREE
    if name not in known:
        raise KeyError(unknown("task", name, known))
    return known[name]
