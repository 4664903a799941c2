"""Make a virtual environment and install robotasks in it: `install.py VENV EXTRA...`.

A plain `pip install torch` on Linux brings gigabytes of CUDA libraries. So torch comes first,
from the first of these that has it, and what is installed after it cannot replace it:
  1. the environment itself: a torch that can be imported is kept, whatever its build;
  2. the newest CPU build that pip sees with its own configuration (local wheels, mirrors);
  3. the newest of PyTorch's index of CPU builds.
If none has, the set-up stops and says so. Standard library only, since this runs before
anything is installed; and it stays readable to Python 3.7, to tell it that it is too old.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
CPU_INDEX = "https://download.pytorch.org/whl/cpu"
# A source that does not answer should be given up in seconds, not minutes.
IMPATIENT = ("--retries", "1", "--timeout", "10")
TROUBLE = r"\[Errno[^'\"]*|[Rr]ead timed out|timed out|SSLError|\d{3} \w+ Error"
IMPORT_TORCH = "import torch; from importlib.metadata import version; print(version('torch'))"

TOO_OLD = "robotasks needs Python 3.11 or newer; {given} is {version}. {advice}"
NO_VENV = """{given} cannot make a virtual environment. On Debian and Ubuntu this mends it:
  apt-get install -y python{minor}-venv"""
NOT_A_VENV = "{venv} exists and is no virtual environment: move it away"
BROKEN_TORCH = "torch is in {venv}, but cannot be imported ({reason}). Start over: make clean"
OLD_TORCH = """torch {version} is in {venv}; robotasks needs {oldest} or newer.
Start over (make clean), or bring a newer build: {python} -m pip install --upgrade torch"""
NO_TORCH = """No CPU build of torch {oldest} or newer could be had. Tried, in this order:
  1. {venv}: has no torch
  2. pip's own configuration (find-links, indexes): {own}
  3. PyTorch's CPU index, {index}: {cpu}
Then do one of these, and run make again:
  - let this machine reach {index}
  - point PIP_FIND_LINKS to a folder with a torch-...+cpu-....whl for this Python
  - choose a build yourself, it will be kept: {python} -m pip install torch
    (on Linux this downloads gigabytes of CUDA libraries)"""
READY = """robotasks is installed in {venv}, with torch {version}.
For a build of torch with CUDA: {python} -m pip install --force-reinstall torch"""


def main(venv: Path, extras: list[str]) -> None:
    """Install robotasks with the extras into the environment."""
    check_python()
    python = make_environment(venv)
    install = [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    wanted = f"{ROOT}[{','.join(extras)}]"
    if "agents" not in extras:
        run(*install, "--editable", wanted)
        return
    version = installed_torch(python, venv) or install_torch(python, venv, install)
    with tempfile.TemporaryDirectory() as folder:
        pins = Path(folder, "constraints.txt")
        pins.write_text(f"torch=={version}\n", encoding="utf-8")
        run(*install, "--editable", wanted, "--constraint", str(pins))
    after = installed_torch(python, venv)
    if after != version:
        sys.exit(f"torch {version} became {after or 'nothing'}. Start over: make clean")
    print(READY.format(venv=venv, version=version, python=python))


def check_python() -> None:
    """Stop if this Python is too old, naming a newer one where there is one."""
    if sys.version_info >= (3, 11):
        return
    newer = (f"python3.{minor}" for minor in range(14, 10, -1))
    found = next((name for name in newer if answers(name, "--version")), "")
    advice = f"Run: make PYTHON={found} ..." if found else "Install one: make PYTHON=python3.12 ..."
    version = ".".join(map(str, sys.version_info[:3]))
    sys.exit(TOO_OLD.format(given=sys.executable, version=version, advice=advice))


def make_environment(venv: Path) -> str:
    """Return the environment's Python, making the environment if it is missing or broken."""
    python = str(venv / "bin" / "python")
    if answers(python, "-m", "pip", "--version") or answers(python, "-m", "ensurepip"):
        return python
    if venv.exists() and not (venv / "pyvenv.cfg").exists():
        sys.exit(NOT_A_VENV.format(venv=venv))
    print(f"making {venv} with {sys.executable}", flush=True)
    made = subprocess.run([sys.executable, "-m", "venv", "--clear", str(venv)], capture_output=True)
    if made.returncode:
        minor = ".".join(map(str, sys.version_info[:2]))
        sys.exit(NO_VENV.format(given=sys.executable, minor=minor))
    return python


def installed_torch(python: str, venv: Path) -> str:
    """Return the version of the environment's torch, "" if there is none; stop if it is no use."""
    done = subprocess.run([python, "-c", IMPORT_TORCH], capture_output=True, text=True)
    if done.returncode:
        reason = done.stderr.strip().splitlines()[-1]
        if "No module named 'torch'" in reason:
            return ""
        sys.exit(BROKEN_TORCH.format(venv=venv, reason=reason))
    version = done.stdout.split()[-1]
    if numbers(version) < numbers(oldest_torch()):
        oldest = oldest_torch()
        sys.exit(OLD_TORCH.format(version=version, venv=venv, oldest=oldest, python=python))
    return version


def install_torch(python: str, venv: Path, install: list[str]) -> str:
    """Install the first CPU build that can be had and return its version, or stop."""
    if sys.platform != "linux":  # elsewhere the ordinary build is small
        run(*install, f"torch>={oldest_torch()}")
        return installed_torch(python, venv)
    version, own = newest_cpu_torch(python)
    source: list[str] = []
    cpu = ""
    if not version:
        # An exact +cpu version, so that no other index that pip knows can slip in a CUDA build.
        source = ["--extra-index-url", CPU_INDEX]
        version, cpu = newest_cpu_torch(python, *source)
    if not version:
        given = {"venv": venv, "python": python, "index": CPU_INDEX}
        sys.exit(NO_TORCH.format(oldest=oldest_torch(), own=own, cpu=cpu, **given))
    run(*install, f"torch=={version}", *source)
    return version


def newest_cpu_torch(python: str, *source: str) -> tuple[str, str]:
    """Ask pip for the newest CPU build it can see: (version or "", why there is none)."""
    command = [python, "-m", "pip", "index", "versions", "torch", *IMPATIENT, *source]
    done = subprocess.run(command, capture_output=True, text=True)
    listed = re.search(r"^Available versions: (.*)$", done.stdout, re.MULTILINE)
    versions = listed.group(1).split(", ") if listed else []
    oldest = numbers(oldest_torch())
    usable = [v for v in versions if v.endswith("+cpu") and numbers(v) >= oldest]
    if usable:
        return max(usable, key=numbers), ""
    trouble = re.findall(TROUBLE, done.stderr)
    if trouble:
        return "", f"cannot be reached ({trouble[-1]})"
    return "", "no CPU build for this Python"


def oldest_torch() -> str:
    """Return the oldest torch that pyproject.toml allows."""
    found = re.search(r'"torch>=([\d.]+)"', (ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    if not found:
        sys.exit('pyproject.toml no longer names "torch>=X.Y", which this script reads')
    return found.group(1)


def numbers(version: str) -> tuple[int, ...]:
    """Return the release numbers of a version, for comparison: "2.13.0+cpu" is (2, 13, 0)."""
    release = re.match(r"[\d.]*\d", version)
    return tuple(map(int, release.group().split("."))) if release else ()


def answers(*command: str) -> bool:
    """Whether a command can be run and succeeds."""
    if not shutil.which(command[0]):
        return False
    return subprocess.run(command, capture_output=True).returncode == 0


def run(*command: str) -> None:
    """Show a command and run it; stop with its exit code if it fails."""
    print(" ".join(command), flush=True)
    code = subprocess.run(command).returncode
    if code:
        sys.exit(code)


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2:])
