"""Every Python block of the README and the guides runs as it stands."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
GUIDES = ("add_a_task", "enter_the_benchmark", "demonstrations", "gpu", "protocol")
PAGES = ["README.md", *(f"docs/{guide}.md" for guide in GUIDES)]
BLOCKS = [
    pytest.param(code, id=f"{page}-{i}")
    for page in PAGES
    for i, code in enumerate(
        re.findall(r"```python\n(.*?)```", (ROOT / page).read_text(encoding="utf-8"), re.DOTALL)
    )
]


@pytest.mark.parametrize("code", BLOCKS)
def test_block_runs(code):
    exec(compile(code, "block", "exec"), {"__name__": "block"})


def test_the_readme_lists_every_task():
    from robotasks import TASKS

    text = (ROOT / "README.md").read_text(encoding="utf-8")
    for task in TASKS.values():
        assert f"`robotasks/{task.id}`" in text
