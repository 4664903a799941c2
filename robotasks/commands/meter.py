"""What a cell of the benchmark has cost so far, and how far it is."""

from __future__ import annotations

import json
import time
from pathlib import Path

from robotasks.agents.parts.files import write_atomically


class Meter:
    """What a cell has cost so far, over all resumes, and how far it is: a file for whoever asks."""

    def __init__(self, path: Path) -> None:
        """path: of the file; the meter goes on from what it says."""
        self._path = path
        before = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
        self._wall_s = before.get("wall_s", 0.0) - time.perf_counter()
        self._cpu_s = before.get("cpu_s", 0.0) - time.process_time()
        self.done = 0

    def seconds(self) -> dict[str, float]:
        """Return wall and CPU seconds."""
        wall_s, cpu_s = self._wall_s + time.perf_counter(), self._cpu_s + time.process_time()
        return {"wall_s": round(wall_s, 2), "cpu_s": round(cpu_s, 2)}

    def note(self, stage: str, done: int, total: int) -> None:
        """Write what is being done, and how much of it is."""
        self.done = done
        content = {"stage": stage, "done": done, "total": total, **self.seconds()}
        write_atomically(self._path, json.dumps(content).encode())
