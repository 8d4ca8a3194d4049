"""From the coordinates of an IMOD model to voxels of a reconstruction, whatever the model was drawn on.

In a model x and y run from 0 at the outer edge of the first pixel, so its centre is at 0.5, while slice k
lies at z = k. The model says on which image it was last shown (its size, in the header; its pixel spacing and
origin, in the chunk MINX): another binning, or a part cut out of the volume.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from jobs.dynamo_processor.contract import FloatArray
from jobs.dynamo_processor.finding import Findings, VolumeFacts
from jobs.formats.imod_model import ImodModel
from jobs.formats.imod_parts import KEEPS_ORIGIN

# Sizes of two binnings of a volume differ by rounding, at most so many voxels of the larger one.
_ROUNDING = 2.0
_SAME_SPACING = 0.01


@dataclass(frozen=True, eq=False)
class ModelFrame:
    """How to read the coordinates of a model.

    Attributes
    ----------
    ratio
        Voxels of the reconstruction per pixel of the model.
    offset
        `(3,)` model pixels that are added first.
    depth
        Where y and z are exchanged first by a turn about x: the depth of the image of the model; 0 where they
        are merely exchanged; None where they are not.
    """

    ratio: float
    offset: FloatArray
    depth: float | None = None

    def voxels(self, points: FloatArray) -> FloatArray:
        """Voxel index from 0 `(n, 3)` of points `(n, 3)` of the model, at the centre of a voxel whole."""
        # from here on all axes count from the outer edge of the first voxel
        edge = np.array(points, float).reshape(-1, 3) + np.array([0.0, 0.0, 0.5])
        if self.depth is not None:
            edge = edge[:, [0, 2, 1]]
            if self.depth:
                edge[:, 1] = self.depth - edge[:, 1]
        return np.asarray((edge + self.offset) * self.ratio - 0.5)


def model_frame(model: ImodModel, volume: VolumeFacts, findings: Findings) -> ModelFrame:
    """Find out how a model lies in a reconstruction; doubts are noted.

    Parameters
    ----------
    model
        The model.
    volume
        The reconstruction.
    findings
        Takes what is wrong.
    """
    size = np.array(model.size, float)
    full = np.array(volume.size, float)
    spacing = 0.0 if model.transform is None else float(model.transform.scale[0])
    stated = spacing / volume.voxel_size_a if spacing > 0 and volume.voxel_size_a > 0 else 0.0
    if size.min() < 1:  # a model made by hand states no image
        return ModelFrame(stated or 1.0, np.zeros(3))
    depth = None
    if model.flipped and (_ratio(size[[0, 2, 1]], full, stated) or not _ratio(size, full, stated)):
        depth = float(size[2]) if model.rotated else 0.0
        size = size[[0, 2, 1]]
        findings.warning(
            "the model was drawn on an image with Y and Z exchanged; they were exchanged back",
            "mod_contains",
            "Look at the preview: angles saved in the Slicer may be those of that image.",
        )
    ratio = _ratio(size, full, stated)
    if ratio is not None:
        if abs(ratio - 1) > _SAME_SPACING:
            findings.warning(
                "the model was drawn on an image of another binning; "
                f"its coordinates are multiplied by {ratio:g}",
                "mod_contains",
            )
        return ModelFrame(ratio, np.zeros(3), depth)
    ratio = stated or 1.0
    offset = _offset(model, volume, size * ratio, ratio)
    if offset is not None:
        findings.warning(
            "the model was drawn on a part of the volume; "
            f"its points were moved by {', '.join(f'{v:g}' for v in offset)} px",
            "mod_contains",
            "Look at the preview.",
        )
        return ModelFrame(ratio, offset, depth)
    findings.warning(
        f"the model was drawn on an image of {_by(model.size)} px, the reconstruction has {_by(volume.size)}",
        "mod_contains",
        "Is it the model of this reconstruction? Look at the preview.",
    )
    return ModelFrame(ratio, np.zeros(3), depth)


def _offset(model: ImodModel, volume: VolumeFacts, extent: FloatArray, ratio: float) -> FloatArray | None:
    """Return where `(3,)`, in model pixels, the image of the model begins in the volume; None if it does not.

    IMOD's rule: origin of the volume less that of the model's image. A part that 3dmod loaded of a file keeps
    the origin of the file beside it; a part that was written as a file has only its own, and the volume has
    to state the other.
    """
    transform = model.transform
    if transform is None or transform.scale[0] <= 0:
        return None
    origins = [transform.old_origin] if model.flags & KEEPS_ORIGIN else []
    for origin in (*origins, np.array(volume.origin_a)):
        offset = (origin - transform.origin) / transform.scale[0]
        inside = (offset > -0.5) & (offset * ratio + extent <= np.array(volume.size) + _ROUNDING)
        if np.abs(offset).max() > 0.5 and inside.all():
            return np.asarray(np.round(offset, 3))
    return None


def _ratio(size: FloatArray, full: FloatArray, stated: float) -> float | None:
    """Return voxels per model pixel if the image of the model covers the whole volume, else None."""
    measured = float(full[0] / size[0])
    # spacings of models are often never set: then the sizes tell, as a whole number or its inverse
    whole = round(measured) if measured >= 1 else 1 / round(1 / measured)
    for ratio in (*([stated] if stated else []), float(whole)):
        tolerance = _ROUNDING * max(1.0, ratio)
        if (np.abs(size * ratio - full) <= tolerance).all():
            return ratio
    return None


def _by(size: tuple[int, int, int]) -> str:
    return " × ".join(map(str, size))
