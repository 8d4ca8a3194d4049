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
    swapped
        Whether y and z are exchanged first.
    """

    ratio: float
    offset: FloatArray
    swapped: bool

    def voxels(self, points: FloatArray) -> FloatArray:
        """Voxel index from 0 `(n, 3)` of points `(n, 3)` of the model, at the centre of a voxel whole."""
        edge = np.array(points, float).reshape(-1, 3) + np.array([0.0, 0.0, 0.5])
        if self.swapped:
            # slices count from their middle in the file, rows from their edge
            edge = edge[:, [0, 2, 1]]
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
    swapped = False
    if size.min() < 1:  # a model made by hand states no image
        return ModelFrame(stated or 1.0, np.zeros(3), False)
    ratio = _ratio(size, full, stated)
    if ratio is None and model.flipped:
        ratio = _ratio(size[[0, 2, 1]], full, stated)
        swapped = ratio is not None
        if swapped:
            findings.warning(
                "the model was drawn on an image with Y and Z exchanged; they were exchanged back",
                "mod_contains",
                "Look at the preview.",
            )
    if ratio is not None:
        if abs(ratio - 1) > _SAME_SPACING:
            findings.warning(
                "the model was drawn on an image of another binning; "
                f"its coordinates are multiplied by {ratio:g}",
                "mod_contains",
            )
        return ModelFrame(ratio, np.zeros(3), swapped)
    ratio = stated or 1.0
    if model.transform is not None and spacing > 0:
        offset = (model.transform.old_origin - model.transform.origin) / spacing
        if (
            np.abs(offset).max() > 0.5
            and ((offset > -0.5) & ((offset + size) * ratio <= full + _ROUNDING)).all()
        ):
            moved = ", ".join(f"{v:g}" for v in offset)
            findings.warning(
                f"the model was drawn on a part of the volume; its points were moved by {moved} px",
                "mod_contains",
                "Look at the preview.",
            )
            return ModelFrame(ratio, offset, False)
    findings.warning(
        f"the model was drawn on an image of {_by(model.size)} px, the reconstruction has {_by(volume.size)}",
        "mod_contains",
        "Is it the model of this reconstruction? Look at the preview.",
    )
    return ModelFrame(ratio, np.zeros(3), False)


def _ratio(size: FloatArray, full: FloatArray, stated: float) -> float | None:
    """Return voxels per model pixel if the image of the model covers the whole volume, else None."""
    measured = float(full[0] / size[0])
    candidates = [stated] if stated else []
    # spacings of models are often never set: then the sizes tell, as a whole number or its inverse
    whole = round(measured) if measured >= 1 else 1 / round(1 / measured)
    for ratio in (*candidates, float(whole)):
        tolerance = _ROUNDING * max(1.0, ratio)
        if (np.abs(size * ratio - full) <= tolerance).all():
            return ratio
    return None


def _by(size: tuple[int, int, int]) -> str:
    return " × ".join(map(str, size))
