"""The command line: `robotasks COMMAND ...`, one module a command.

A command module offers `Options`, a frozen dataclass whose field docstrings are the help, and
`run(options)`. Only the chosen command's module is imported.
"""

from __future__ import annotations

import importlib
import sys
from collections.abc import Sequence

from robotasks.layout import unknown

COMMANDS = {
    "quickstart": "train a robot arm to push and show what it learned",
    "train": "train an agent on a task",
    "evaluate": "score an agent on rows it has not seen",
    "benchmark": "train and evaluate agents on a suite, over several seeds",
    "report": "put results of the benchmark together on one page",
    "record": "record demonstrations as a Minari dataset",
    "autonomy": "learn hockey without a person who puts the puck back",
    "view": "make a picture or a video, or open a window",
    "speed": "measure throughput against the bare physics",
    "list": "list the tasks and agents, or the suites",
    "sets": "print or save the rows of a suite",
    "doctor": "tell what works on this machine and mend what does not",
}


def main(arguments: Sequence[str] | None = None) -> None:
    """Run a command; a user's error is one line on stderr and exit code 2."""
    given = [*(sys.argv[1:] if arguments is None else arguments)]
    if not given or given[0] in ("-h", "--help"):
        print("usage: robotasks COMMAND [OPTIONS]   (robotasks COMMAND --help tells the options)\n")
        for name, purpose in COMMANDS.items():
            print(f"  {name:<11}{purpose}")
        return
    name, *rest = given
    if name not in COMMANDS:
        sys.exit(_complain(unknown("command", name, COMMANDS)))
    run_command(name, rest)


def run_command(name: str, arguments: Sequence[str] | None = None) -> None:
    """Parse the options of one command and run it."""
    import tyro

    try:
        module = importlib.import_module(f"robotasks.commands.{name}")
        options = tyro.cli(
            module.Options,
            args=arguments,
            prog=f"robotasks {name}",
            description=module.__doc__,
        )
        module.run(options)
    except KeyboardInterrupt:
        sys.exit(130)
    except ModuleNotFoundError as error:
        missing = f"{error.name} is not installed; pip install 'robotasks[agents]' brings it"
        sys.exit(_complain(missing))
    except KeyError as error:  # whose str() is a repr
        sys.exit(_complain(str(error.args[0]) if error.args else repr(error)))
    except (ArithmeticError, OSError, RuntimeError, ValueError) as error:
        sys.exit(_complain(str(error) or repr(error)))


def _complain(message: str) -> int:
    print(f"robotasks: {message}", file=sys.stderr)
    return 2
