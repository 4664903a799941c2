"""Make a virtual environment and install robotasks in it: `install.py VENV EXTRA...`.

A plain `pip install torch` on Linux brings gigabytes of CUDA libraries. So torch comes first,
from wherever a CPU build can be had: one that is installed already, a local wheel that pip's own
configuration offers, PyTorch's index of CPU builds. What follows keeps it. Standard library only:
this file runs before anything is installed.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

CPU_INDEX = "https://download.pytorch.org/whl/cpu"
GPU_HINT = "For a GPU build of torch: {python} -m pip install --force-reinstall torch"
NO_TORCH = """No CPU build of torch could be had. Tried, in this order:
  1. a torch that is already in {venv}: none
  2. local wheels that pip's configuration offers (find-links): none for this Python
  3. {index}: failed (see above)
What to do: connect to the internet and run this again; or put a torch wheel in a folder and set
PIP_FIND_LINKS to it; or install a torch of your choice with {python} -m pip install torch
(on Linux this downloads gigabytes of CUDA libraries) and run this again."""


def main(arguments: Sequence[str]) -> None:
    """Install the extras named in `arguments[1:]` into the environment `arguments[0]`."""
    venv, extras = Path(arguments[0]), list(arguments[1:])
    if sys.version_info < (3, 11):
        version = ".".join(map(str, sys.version_info[:3]))
        fail(f"robotasks needs Python 3.11 or newer, this is {version}: make PYTHON=python3.12 ...")
    python = make_environment(venv)
    if "agents" in extras:
        install_torch(python, venv)
    run(python, "-m", "pip", "install", "--quiet", "--editable", f".[{','.join(extras)}]")
    if "agents" in extras and sys.platform == "linux":
        print(f"torch {torch_version(python)}. {GPU_HINT.format(python=python)}")


def make_environment(venv: Path) -> str:
    """Return the environment's Python, making the environment if there is none."""
    python = venv / "bin" / "python"
    if not python.exists() and subprocess.run([sys.executable, "-m", "venv", venv]).returncode:
        fail(f"no virtual environment. On Debian: apt-get install -y python3-venv; rm -rf {venv}")
    return str(python)


def install_torch(python: str, venv: Path) -> None:
    """Install the first CPU build of torch that can be had, or stop with what was tried."""
    if torch_version(python):
        return
    if sys.platform != "linux":  # elsewhere the ordinary build is small
        run(python, "-m", "pip", "install", "--quiet", "torch>=2.8")
        return
    wheel = local_wheel(python)
    if wheel:
        version = wheel.name.split("-")[1]
        run(python, "-m", "pip", "install", "--quiet", f"torch=={version}")
        return
    print(f"installing torch from {CPU_INDEX}")
    index = ["--index-url", CPU_INDEX, "--retries", "0", "--timeout", "15"]
    if subprocess.run([python, "-m", "pip", "install", "--quiet", "torch>=2.8", *index]).returncode:
        fail(NO_TORCH.format(venv=venv, index=CPU_INDEX, python=python))


def local_wheel(python: str) -> Path | None:
    """Return the newest CPU wheel of torch in the folders that pip's configuration names."""
    shown = subprocess.run(
        [python, "-m", "pip", "config", "list"], capture_output=True, text=True
    ).stdout
    links = re.findall(r"find-links='([^']*)'", shown)
    folders = [Path(link.removeprefix("file://")) for line in links for link in line.split()]
    tag = f"cp{sys.version_info.major}{sys.version_info.minor}-"
    machine = os.uname().machine
    wheels = {
        path
        for folder in folders
        if folder.is_dir()
        for path in folder.glob("torch-*+cpu-*.whl")
        if tag in path.name and path.name.endswith(f"{machine}.whl")
    }
    return max(wheels, key=lambda path: _version(path.name), default=None)


def torch_version(python: str) -> str:
    """Return the version of the environment's torch, or "" if it has none."""
    code = "from importlib.metadata import version; print(version('torch'))"
    return subprocess.run([python, "-c", code], capture_output=True, text=True).stdout.strip()


def run(*command: str) -> None:
    """Run a command; end with its exit code if it fails."""
    print(" ".join(command), flush=True)
    code = subprocess.run(command).returncode
    if code:
        sys.exit(code)


def fail(message: str) -> None:
    """End with a message."""
    sys.exit(message)


def _version(name: str) -> tuple[int, ...]:
    return tuple(int(part) for part in re.findall(r"\d+", name.split("+")[0]))


if __name__ == "__main__":
    main(sys.argv[1:])
