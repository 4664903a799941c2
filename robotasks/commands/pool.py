"""Where cells are played: in processes of this machine, or on a Ray cluster."""

from __future__ import annotations

import multiprocessing
import os
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from contextlib import contextmanager
from typing import Any

Submit = Callable[..., "Future[Any]"]
"""submit(function, *arguments): begins a call somewhere, as soon as there is room."""


@contextmanager
def processes(count: int) -> Iterator[Submit]:
    """Offer `count` processes, each begun afresh: nothing of this one is copied into them.

    They end with this one, even where it is killed: begun again, it meets nobody at its cells.
    """
    context = multiprocessing.get_context("spawn")
    pool = ProcessPoolExecutor(count, mp_context=context, initializer=_end_with_parent)
    try:
        yield pool.submit
    finally:
        pool.shutdown(cancel_futures=True)


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    assert parent is not None

    def watch() -> None:
        parent.join()
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()


@contextmanager
def ray_cluster(address: str, cores: int) -> Iterator[Submit]:
    """Offer a Ray cluster; a call takes `cores` of it. All its machines have to share the folder.

    Raises RuntimeError where Ray is not installed.
    """
    try:
        import ray
    except ModuleNotFoundError as error:
        advice = "pip install 'robotasks[ray]' brings it"
        raise RuntimeError(f"--ray needs Ray, which is not installed; {advice}") from error
    ray.init(address=address)
    try:
        yield lambda work, *given: ray.remote(num_cpus=cores)(work).remote(*given).future()
    finally:
        ray.shutdown()
