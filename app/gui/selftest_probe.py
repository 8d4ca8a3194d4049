"""One look at the graphics of this machine, in a process of its own: a driver may end it, and nothing else.

Started by :mod:`app.selftest` as ``python -P -m app.gui.selftest_probe NAME``; prints one line of JSON.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from typing import Any

Facts = dict[str, Any]

_GL_VENDOR, _GL_RENDERER, _GL_VERSION = 0x1F00, 0x1F01, 0x1F02
_SIZE = 120
_BALL = 24


def qt() -> Facts:
    """Start Qt, and tell platform, screens and their scales."""
    import PySide6
    from PySide6.QtCore import qVersion
    from PySide6.QtGui import QGuiApplication

    application = QGuiApplication(["selftest"])
    return {
        "pyside": PySide6.__version__,
        "qt": qVersion(),
        "platform": application.platformName(),
        "screens": [
            {
                "name": screen.name(),
                "size": [screen.size().width(), screen.size().height()],
                "dpi": round(screen.logicalDotsPerInch(), 1),
                "scale": screen.devicePixelRatio(),
            }
            for screen in application.screens()
        ],
    }


def opengl() -> Facts:
    """Make an OpenGL context, and tell who draws."""
    from PySide6.QtGui import QGuiApplication, QOffscreenSurface, QOpenGLContext

    application = QGuiApplication(["selftest"])
    surface = QOffscreenSurface()
    surface.create()
    context = QOpenGLContext()
    if not context.create() or not surface.isValid():
        return {"platform": application.platformName(), "problem": "no OpenGL driver could be loaded"}
    if not context.makeCurrent(surface):
        return {"platform": application.platformName(), "problem": "the OpenGL driver could not be started"}
    functions = context.functions()
    major, minor = context.format().version()
    found = {
        "platform": application.platformName(),
        "format": f"{major}.{minor}",
        "vendor": str(functions.glGetString(_GL_VENDOR)),
        "renderer": str(functions.glGetString(_GL_RENDERER)),
        "version": str(functions.glGetString(_GL_VERSION)),
    }
    context.doneCurrent()
    return found


def scene() -> Facts:
    """Draw a ball with the library that draws maps, and look at the pixels."""
    import importlib.metadata

    import numpy as np
    import vispy
    from vispy import scene as scenes

    vispy.use("pyside6")
    canvas = scenes.SceneCanvas(size=(_SIZE, _SIZE), bgcolor="black", show=False)
    view = canvas.central_widget.add_view()
    grid = np.mgrid[:_BALL, :_BALL, :_BALL] - _BALL / 2 + 0.5
    ball = ((grid**2).sum(0) < (_BALL / 4) ** 2).astype(np.float32)
    scenes.visuals.Volume(ball, method="mip", cmap="grays", clim=(0, 1), parent=view.scene)
    view.camera = scenes.cameras.TurntableCamera(fov=0, center=(_BALL / 2,) * 3, scale_factor=float(_BALL))
    picture = np.asarray(canvas.render(alpha=False))[..., :3].astype(int).mean(axis=2)
    height, width = picture.shape
    lit = float((picture > 128).mean())
    centre = float(picture[height // 2 - 2 : height // 2 + 2, width // 2 - 2 : width // 2 + 2].mean())
    edge = float(picture[:4].mean())
    canvas.close()
    # a ball of a quarter of the box in radius covers a fifth of the picture
    return {
        "vispy": vispy.__version__,
        "napari": importlib.metadata.version("napari"),
        "centre": centre,
        "edge": edge,
        "lit": round(lit, 3),
        "right": centre > 200 and edge < 20 and 0.15 < lit < 0.25,
    }


def compute() -> Facts:
    """Compute a little on the processor and on the graphics card, and compare."""
    import torch

    found: Facts = {"torch": torch.__version__, "cuda": torch.version.cuda or "", "devices": []}
    generator = torch.Generator().manual_seed(1)
    numbers = torch.randn(64, 64, generator=generator)
    expected = torch.fft.rfft2(numbers @ numbers.T).abs()
    if torch.cuda.is_available():
        for index in range(torch.cuda.device_count()):
            device = torch.device("cuda", index)
            values = torch.fft.rfft2(numbers.to(device) @ numbers.to(device).T).abs().cpu()
            error = float((values - expected).abs().max() / expected.abs().max())
            free, total = torch.cuda.mem_get_info(index)
            found["devices"].append(
                {
                    "name": torch.cuda.get_device_name(index),
                    "memory_gib": round(total / 2**30, 1),
                    "free_gib": round(free / 2**30, 1),
                    "error": error,
                }
            )
    found["cupy"] = _cupy(numbers)
    return found


def _cupy(numbers: Any) -> Facts:
    """Run a kernel written in CUDA, where cupy is there."""
    try:
        import cupy
    except ImportError:
        return {}
    found: Facts = {"version": cupy.__version__}
    try:
        if not cupy.cuda.runtime.getDeviceCount():
            return found
        kernel = cupy.ElementwiseKernel("float32 x", "float32 y", "y = x * x + 1.0f", "heteroscope_selftest")
        values = cupy.asnumpy(kernel(cupy.asarray(numbers.numpy())))
        found["error"] = float(abs(values - (numbers.numpy() ** 2 + 1)).max())
    except Exception as error:  # whatever a broken driver raises is the finding
        found["problem"] = " ".join(str(error).split())[:300]
    return found


PROBES: dict[str, Callable[[], Facts]] = {"qt": qt, "opengl": opengl, "scene": scene, "compute": compute}


def main() -> int:
    """Run the probe that the command line names."""
    try:
        found = PROBES[sys.argv[1]]()
    except Exception as error:
        found = {"problem": " ".join(f"{type(error).__name__}: {error}".split())[:400]}
    sys.stdout.write(json.dumps(found) + "\n")
    sys.stdout.flush()
    return 0


if __name__ == "__main__":
    # a driver may crash when its process ends in order; what was to be told has been told
    import os

    main()
    os._exit(0)
