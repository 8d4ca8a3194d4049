"""What a checkpoint holds, in sentences: one of this program, or of the original."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from jobs.dynamight.original_checkpoint import checkpoint_of
from jobs.dynamight.original_pickle import read_original
from jobs.dynamight.state import FORMAT, load_model


def describe_checkpoint(path: Path) -> list[str]:
    """Return sentences that tell what a checkpoint holds.

    Raises
    ------
    UserError
        If it does not exist, is damaged, or of a third program.
    """
    # The careful reader first: it also says of a file made to harm what it asks for.
    content = read_original(path)
    if isinstance(content, Mapping) and content.get("format") == FORMAT:
        return _ours(path)
    return checkpoint_of(content, path).lines()


def _ours(path: Path) -> list[str]:
    model = load_model(path)
    frame = model.frame
    said = ["Checkpoint of Heteroscope with motions."]
    for number, half in enumerate(model.halves, 1):
        said.append(
            f"Half-set {number}: {half.model.n_points:,} Gaussians, {len(half.rows):,} "
            "particles, latent space "
            f"of {half.means.shape[1]} dimensions."
        )
    said.append(f"Box {frame.box} px, pixel size {frame.voxel_size_a:.4g} Å.")
    said.append(
        f"Particles of {model.star}, {int(model.validation.sum()):,} of {len(model.half):,} held out."
    )
    done = "finished" if model.halves[0].encoder is not None else "unfinished"
    said.append(f"The training is {done}.")
    return said
