"""Where cells are played."""

import subprocess
import sys

PLAYS = """
import os, time
from robotasks.commands.pool import processes

if __name__ == "__main__":
    with processes(1) as submit:
        print(submit(os.getpid).result(), flush=True)
        submit(time.sleep, 600).result()
"""


def test_no_process_outlives_the_one_that_began_it(tmp_path):
    script = tmp_path / "plays.py"
    script.write_text(PLAYS)
    with subprocess.Popen([sys.executable, script], stdout=subprocess.PIPE) as benchmark:
        assert benchmark.stdout is not None
        assert int(benchmark.stdout.readline()) != benchmark.pid
        benchmark.kill()
        # Whoever works for it holds its output open, too.
        assert benchmark.communicate(timeout=30)[0] == b""
