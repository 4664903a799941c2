"""Pictures through OpenGL or, of many worlds at once and without a display, by ray tracing.

Both draw markers, which are never simulated. The ray tracer is MuJoCo Warp's, on the CPU or a GPU.
"""

from __future__ import annotations

import importlib
import itertools
import math
import os
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import Any, ClassVar, Protocol

import mujoco
import numpy as np

from robotasks.arrays import namespace
from robotasks.layout import Array, unknown
from robotasks.physics.engine import LOOKS, POSES
from robotasks.physics.scene import HIDDEN, LOOK, SEEN

SHAPES = {
    "sphere": mujoco.mjtGeom.mjGEOM_SPHERE,
    "cylinder": mujoco.mjtGeom.mjGEOM_CYLINDER,
    "box": mujoco.mjtGeom.mjGEOM_BOX,
}


class Marker(Protocol):
    """Something to draw beside the model: position and half sizes in metres, yaw in radians."""

    @property
    def pos(self) -> tuple[float, float, float]: ...  # noqa: D102
    @property
    def size(self) -> tuple[float, float, float]: ...  # noqa: D102
    @property
    def shape(self) -> str: ...  # noqa: D102
    @property
    def rgba(self) -> tuple[float, float, float, float]: ...  # noqa: D102
    @property
    def yaw(self) -> float: ...  # noqa: D102


class Camera:
    """Renders worlds of one model's structure; sizes and colours may differ between them."""

    _failure: ClassVar[Exception | None] = None
    """Why OpenGL did not work in this process: MuJoCo aborts it where that is tried again."""

    def __init__(self, model: mujoco.MjModel, width: int, height: int) -> None:
        """Open OpenGL; raises RuntimeError, with the way out, where it does not work."""
        model.vis.global_.offwidth = max(model.vis.global_.offwidth, width)
        model.vis.global_.offheight = max(model.vis.global_.offheight, height)
        if Camera._failure is None:
            # The compiler that torch's optimisers load: once Mesa has loaded its own, it crashes.
            with suppress(ImportError):
                importlib.import_module("triton")
            try:
                self._renderer = mujoco.Renderer(model, height, width)
            except Exception as error:  # each OpenGL library fails with an exception of its own
                Camera._failure = error
        if Camera._failure is not None:
            raise RuntimeError(
                f"pictures need OpenGL, which does not work here ({Camera._failure}); "
                "`robotasks doctor` tells the command that mends it"
            ) from Camera._failure
        self._options = mujoco.MjvOption()
        self._options.geomgroup[HIDDEN] = 0
        self._options.sitegroup[:] = 0

    def render(
        self,
        model: mujoco.MjModel,
        data: mujoco.MjData,
        camera: str,
        marks: Iterable[Marker] = (),
        depth: bool = False,
    ) -> np.ndarray:
        """Return rgb (height, width, 3) uint8, or depth in metres (height, width) float32."""
        known = [model.camera(i).name for i in range(model.ncam)]
        if camera not in known:
            raise ValueError(unknown("camera", camera, known))
        renderer = self._renderer
        renderer._model = model  # the renderer would keep the sizes and colours of its first world
        renderer.update_scene(data, camera, self._options)
        for mark in marks:
            draw(mark, renderer.scene)
        if depth:
            renderer.enable_depth_rendering()
            picture = renderer.render().copy()
            renderer.disable_depth_rendering()
            return picture
        return renderer.render().copy()

    def close(self) -> None:
        """Release OpenGL; may be called again."""
        self._renderer.close()


def draw(mark: Marker, scene: mujoco.MjvScene) -> None:
    """Add a marker to a scene: a picture's, or the window's `user_scn`."""
    if mark.shape not in SHAPES:
        raise ValueError(unknown("marker shape", mark.shape, SHAPES))
    cos, sin = math.cos(mark.yaw), math.sin(mark.yaw)
    mujoco.mjv_initGeom(
        scene.geoms[scene.ngeom],
        SHAPES[mark.shape],
        np.asarray(mark.size, dtype=np.float64),
        np.asarray(mark.pos, dtype=np.float64),
        np.array([cos, -sin, 0, sin, cos, 0, 0, 0, 1]),
        np.asarray(mark.rgba, dtype=np.float32),
    )
    scene.ngeom += 1


OUTPUTS = ("rgb", "depth", "segmentation")
_GRAIN = 1e-6  # half the size of a marker that is not there (m)
_SHADE = 0.45  # share of a light that reaches a shadow


class Tracer:
    """Pictures of all worlds of a scene by several cameras of one size."""

    def __init__(
        self,
        spec: mujoco.MjSpec,
        worlds: int,
        cameras: Sequence[str],
        width: int,
        height: int,
        output: str = "rgb",
        markers: int = 0,
        device: str = "cpu",
        threads: int = 1,
    ) -> None:
        """markers: room for so many in each world. threads: that share the worlds on a CPU.

        Raises ImportError, with the way out, where MuJoCo Warp is not installed.
        """
        if output not in OUTPUTS:
            raise ValueError(unknown("output", output, OUTPUTS))
        try:
            import warp
        except ImportError as error:
            raise ImportError(
                f"pictures by ray tracing need MuJoCo Warp ({error}): pip install 'robotasks[gpu]'"
            ) from error
        warp.config.log_level = warp.LOG_WARNING  # not every kernel that it loads
        model, self._geoms = _with_markers(spec, markers)
        known = [model.camera(i).name for i in range(model.ncam)]
        for name in cameras:
            if name not in known:
                raise ValueError(unknown("camera", name, known))
        self._warp, self._home = warp, warp.get_device(device)
        count = 1 if self._home.is_cuda else min(threads or os.cpu_count() or 1, worlds)
        ends = np.linspace(0, worlds, count + 1).astype(int).tolist()
        self._shares = [slice(a, b) for a, b in itertools.pairwise(ends)]
        size = (len(cameras), height, width)
        with self._here():
            self._parts = [
                _Part(model, part.stop - part.start, cameras, size, output) for part in self._shares
            ]
            for part in self._parts:
                part.draw({})  # loads kernels: done by several threads at once, some draw wrongly
        self._pool = ThreadPoolExecutor(count) if count > 1 else None

    def trace(self, look: Mapping[str, Array]) -> Array:
        """Draw the worlds as they look: rows of `POSES` and, where worlds differ, of `LOOKS`.

        Returns rgb (worlds, cameras, height, width, 3) uint8; or depth in metres without the last
        axis, that of the horizon where nothing is; or numbers of geoms likewise, else -1.
        """
        jobs = [
            (part, {name: rows[share] for name, rows in look.items()})
            for part, share in zip(self._parts, self._shares, strict=True)
        ]
        with self._here():
            if self._pool is None:
                (drawn,) = [part.draw(rows) for part, rows in jobs]
                return drawn
            drawn = list(self._pool.map(lambda job: job[0].draw(job[1]), jobs))
        return np.concatenate(drawn)

    def _here(self) -> Any:
        """Launch on our device, in the order of torch's own work."""
        if not self._home.is_cuda:
            return self._warp.ScopedDevice(self._home)
        return self._warp.ScopedStream(self._warp.stream_from_torch(str(self._home)))

    def mark(self, world: int, marks: Sequence[Marker]) -> None:
        """Let one world show these markers from now on, and no others."""
        number = next(i for i, share in enumerate(self._shares) if world < share.stop)
        self._parts[number].mark(world - self._shares[number].start, marks, self._geoms)

    def close(self) -> None:
        """Release the threads; may be called again."""
        if self._pool is not None:
            self._pool.shutdown()


class _Part:
    """Some of a tracer's worlds."""

    def __init__(
        self,
        model: mujoco.MjModel,
        worlds: int,
        cameras: Sequence[str],
        size: tuple[int, int, int],
        output: str,
    ) -> None:
        import mujoco_warp as mjw

        self._warp, self._output = mjw, output
        self._shape = (worlds, *size)
        self._far = float(model.vis.map.zfar * model.stat.extent)
        self._model = mjw.put_model(model, batch_sizes=dict.fromkeys(LOOKS, worlds))
        self._data = mjw.make_data(model, nworld=worlds, nconmax=1, njmax=1)
        self._context = mjw.create_render_context(
            model,
            nworld=worlds,
            cam_res=(size[2], size[1]),
            cam_active=list(cameras),
            render_rgb=output == "rgb",
            render_depth=output == "depth",
            render_seg=output == "segmentation",
            use_shadows=output == "rgb",
            shadow_light_fraction=_SHADE,
            use_precomputed_rays=False,
            render_skybox=True,
            enabled_geom_groups=[group for group in range(6) if group != HIDDEN],
        )
        held = {name: _view(getattr(self._data, name)) for name in POSES}
        self._held = held | {name: _view(getattr(self._model, name)) for name in LOOKS}

    def draw(self, look: Mapping[str, Array]) -> Array:
        for name, rows in look.items():
            held = self._held[name]
            # Markers come after all that the engine knows of.
            flat = rows.reshape(rows.shape[0], rows.shape[1], *held.shape[2:])
            held[:, : rows.shape[1]] = flat if type(flat) is type(held) else np.asarray(flat)
        self._warp.refit_bvh(self._model, self._data, self._context)
        self._warp.render(self._model, self._data, self._context)
        if self._output == "depth":
            depth = _view(self._context.depth_data).reshape(self._shape)
            return namespace(depth).where(depth > 0, depth, self._far)
        if self._output == "segmentation":
            return 1 * _view(self._context.seg_data)[..., 0].reshape(self._shape)
        packed = _view(self._context.rgb_data)
        bytes_ = packed.view(namespace(packed).uint8).reshape(*self._shape, 4)
        return bytes_[..., [2, 1, 0]]

    def mark(self, world: int, marks: Sequence[Marker], geoms: Mapping[str, list[int]]) -> None:
        held, numpy_ = self._held, namespace(self._held["geom_size"]).asarray
        device = held["geom_size"].device
        for name in ("geom_size", "geom_rgba"):
            for numbers in geoms.values():
                for number in numbers:
                    held[name][world, number] = _GRAIN
        for slot, mark in enumerate(marks):
            if mark.shape not in geoms:
                raise ValueError(unknown("marker shape", mark.shape, geoms))
            if slot >= len(geoms[mark.shape]):
                raise ValueError(f"{len(marks)} markers, but room for {len(geoms[mark.shape])}")
            number = geoms[mark.shape][slot]
            cos, sin = math.cos(mark.yaw), math.sin(mark.yaw)
            turned = [[cos, -sin, 0], [sin, cos, 0], [0, 0, 1]]
            for name, value in (
                ("geom_size", mark.size),
                ("geom_rgba", (*mark.rgba[:3], 1.0)),
                ("geom_xpos", mark.pos),
                ("geom_xmat", turned),
            ):
                row = numpy_(value, dtype=held[name].dtype, device=device)
                held[name][world, number] = row


def _with_markers(spec: mujoco.MjSpec, count: int) -> tuple[mujoco.MjModel, dict[str, list[int]]]:
    """Compile a scene with markers after all its geoms; return it and their numbers by shape."""
    spec = spec.copy()
    body = spec.worldbody.add_body(name="markers")
    for kind, shape in SHAPES.items():
        for slot in range(count):
            body.add_geom(
                name=f"{kind} marker {slot}", type=shape, size=[_GRAIN] * 3, group=SEEN, **LOOK
            )
    model = spec.compile()
    if model.body("markers").id != model.nbody - 1:
        raise ValueError("markers have to be the last body of a scene")
    names = {kind: [f"{kind} marker {slot}" for slot in range(count)] for kind in SHAPES}
    return model, {kind: [model.geom(n).id for n in each] for kind, each in names.items()}


def _view(array: Any) -> Array:
    """Return a Warp array as a numpy array or a torch tensor of the same memory."""
    import warp

    return warp.to_torch(array) if array.device.is_cuda else array.numpy()
