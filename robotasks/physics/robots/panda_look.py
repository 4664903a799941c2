"""What the Panda looks like."""
import mujoco
from robotasks.physics.scene import LOOK, SEEN
def dress(body): pass
