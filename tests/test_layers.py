"""Who may import whom: read from the syntax trees, so that lazy imports count too."""

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
# Left to right: a module imports from its own layer and from those left of it.
LAYERS = (
    ("layout", "arrays"),
    ("physics",),
    ("tasks",),
    ("envs",),
    ("benchmark",),
    ("agents",),
    ("commands", "__main__"),
)
RANK = {name: rank for rank, names in enumerate(LAYERS) for name in names}
# The package's own __init__ offers what users import: tasks, environments and suites.
RANK[""] = RANK["benchmark"]
SB3 = ("envs/sb3.py", "agents/her.py", "agents/parts/replay.py")
# Heavy libraries, and the only files and folders that may import them.
HEAVY = {
    "torch": ("agents/", "physics/gpu.py"),
    "warp": ("physics/gpu.py", "physics/camera.py"),
    "mujoco_warp": ("physics/gpu.py", "physics/camera.py"),
    "stable_baselines3": SB3,
    "sb3_contrib": SB3,
    "matplotlib": ("commands/", "benchmark/report/charts.py"),
    "minari": ("benchmark/dataset.py",),
    "av": ("commands/",),
    "tyro": ("commands/",),
    "rich": ("commands/", "agents/parts/log.py"),
}


def imports(path: Path, package: list[str]) -> Iterator[tuple[int, str]]:
    """The line and the dotted name of everything that a file of `package` imports."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            above = package[: len(package) - node.level + 1] if node.level else []
            base = [*above, *([node.module] if node.module else [])]
            yield from ((node.lineno, ".".join([*base, alias.name])) for alias in node.names)


def violations(root: Path) -> list[str]:
    """What in `root`/robotasks breaks the rules, one line each."""
    found = []
    for path in sorted((root / "robotasks").rglob("*.py")):
        inside = path.relative_to(root / "robotasks")
        layer = inside.parts[0].removesuffix(".py").replace("__init__", "")
        if layer not in RANK:
            found.append(f"{inside}: the layer {layer!r} is not in the plan")
            continue
        for line, name in imports(path, ["robotasks", *inside.parts[:-1]]):
            parts = name.split(".")
            if parts[0] == "robotasks":
                target = parts[1] if len(parts) > 1 and parts[1] in RANK else ""
                if RANK[target] > RANK[layer]:
                    found.append(f"{inside}:{line}: {layer or 'the package'} imports {name}")
            # Any part: array_api_compat.torch and safetensors.torch load torch as well.
            elif heavy := HEAVY.keys() & set(parts):
                allowed = HEAVY[heavy.pop()]
                if not inside.as_posix().startswith(allowed):
                    found.append(f"{inside}:{line}: only {', '.join(allowed)} may import {name}")
    return found


def test_the_package_keeps_its_layers():
    assert violations(ROOT) == []


@pytest.mark.parametrize(
    ("file", "code"),
    [
        ("tasks/push.py", "from robotasks.envs import vector"),
        ("tasks/push.py", "from robotasks import envs"),
        ("tasks/push.py", "from .. import envs"),
        ("tasks/push/push_to.py", "from ...agents.ppo import train"),
        ("physics/cpu.py", "import robotasks.tasks.task"),
        ("physics/cpu.py", "from robotasks import TASKS"),
        ("envs/vector.py", "from robotasks import SUITES"),
        ("benchmark/evaluate.py", "def late():\n    from robotasks.agents import ppo"),
        ("__init__.py", "from .agents import ppo"),
        ("tasks/push.py", "import torch.nn"),
        ("arrays.py", "import array_api_compat.torch as xp"),
        ("benchmark/agent.py", "def late():\n    from safetensors.torch import load_file"),
        ("agents/ppo.py", "from stable_baselines3 import PPO"),
        ("envs/single.py", "import matplotlib.pyplot"),
        ("physics/cpu.py", "import warp as wp"),
        ("utils.py", ""),
    ],
)
def test_a_violation_is_caught(tmp_path, file, code):
    path = tmp_path / "robotasks" / file
    path.parent.mkdir(parents=True)
    path.write_text(code)
    assert len(violations(tmp_path)) == 1


@pytest.mark.parametrize(
    ("file", "code"),
    [
        ("tasks/push.py", "from robotasks.physics.scene import sense\nfrom ..layout import Layout"),
        ("agents/ppo.py", "import torch\nfrom robotasks import TASKS"),
        ("physics/gpu.py", "import torch\nimport warp"),
        ("layout.py", "from .arrays import norm"),
    ],
)
def test_what_the_plan_allows_passes(tmp_path, file, code):
    path = tmp_path / "robotasks" / file
    path.parent.mkdir(parents=True)
    path.write_text(code)
    assert violations(tmp_path) == []


def test_the_set_up_needs_the_standard_library_only():
    names = {name.split(".")[0] for _, name in imports(ROOT / "scripts" / "install.py", [])}
    assert names <= sys.stdlib_module_names
