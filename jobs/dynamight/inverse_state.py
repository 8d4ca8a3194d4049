"""The files of the inverse deformations.

inverse_deformations/inv_chkpt.pth     how the way back is found, how well, and which model it belongs to
inverse_deformations/round_trip.csv    round-trip errors of both half-sets
inverse_deformations/round_trip.npz    those of every particle, by image name
inverse_deformations/unfinished.pth    how far an interrupted run came
inverse_deformations/unfinished_networks.pth    the same, of the training of networks
"""

from __future__ import annotations

import csv
import hashlib
import io
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from jobs.core.checkpoint import load_checkpoint, save_checkpoint
from jobs.core.errors import FormatError, UserError
from jobs.dynamight.inverse_errors import PARTICLE_VALUES, PLACES, HalfErrors
from jobs.dynamight.inverse_field import InverseField
from jobs.dynamight.inverse_network import InverseNetwork, NetworkInverse
from jobs.dynamight.inverse_options import NETWORK, NUMERICAL
from jobs.dynamight.params import INVERSE_CHECKPOINT
from jobs.dynamight.state import TrainedModel
from jobs.formats.files import replacing

FORMAT = "heteroscope.dynamight.inverse"
VERSION = 1
_FOLDER = Path(INVERSE_CHECKPOINT).parent


def inverse_path(job: Path) -> Path:
    """Path of the checkpoint of the inverse deformations."""
    return job / INVERSE_CHECKPOINT


def unfinished_path(job: Path) -> Path:
    """Path of the partial results of a run that has not ended."""
    return job / _FOLDER / "unfinished.pth"


def networks_path(job: Path) -> Path:
    """Path of the networks of a run that has not ended."""
    return job / _FOLDER / "unfinished_networks.pth"


def forward_fingerprint(model: TrainedModel) -> str:
    """Hash of all that the displacements of a model depend on: both networks, masks and latents."""
    digest = hashlib.sha256(model.fingerprint.encode())
    for half in model.halves:
        values = {**half.model.state_dict(), "latents": half.means}
        for name in sorted(values):
            digest.update(name.encode())
            digest.update(values[name].detach().cpu().contiguous().numpy().tobytes())
    return digest.hexdigest()


@dataclass(frozen=True)
class SavedInverse:
    """What a checkpoint of inverse deformations holds.

    Attributes
    ----------
    method
        ``numerical`` or ``network``.
    spacings_a
        Distance in Å of the nodes at which the modes of each half-set are tabulated.
    errors
        Round-trip errors of each half-set in Å, by place (``gaussians``, ``voxels``) and measure.
    networks
        Sizes and weights of the network of each half-set; None for the numerical method.
    """

    method: str
    spacings_a: tuple[float, float]
    errors: tuple[dict[str, Any], dict[str, Any]]
    networks: tuple[dict[str, Any], dict[str, Any]] | None = None

    def field(self, model: TrainedModel, half: int) -> InverseField:
        """The way back of half-set 1 or 2."""
        exact = InverseField(model.halves[half - 1].model, self.spacings_a[half - 1])
        if self.networks is None:
            return exact
        return NetworkInverse(InverseNetwork.restore(self.networks[half - 1]), exact)


def write_inverse(
    path: Path, model: TrainedModel, fields: Sequence[InverseField], halves: Sequence[HalfErrors]
) -> None:
    """Write the checkpoint of the inverse deformations, whole or not at all."""
    state = {
        "format": FORMAT,
        "version": VERSION,
        "method": NETWORK if isinstance(fields[0], NetworkInverse) else NUMERICAL,
        "forward": {"name": model.path.name, "fingerprint": forward_fingerprint(model)},
        "particles": {"star": model.star, "fingerprint": model.fingerprint},
        "halves": [
            {
                "spacing_A": field.table.spacing_a,
                "n_nodes": field.table.n_nodes,
                "lower_A": field.table.lower_a,
                "errors": {place: half.at[place].summary() for place in PLACES},
                **({"network": field.network.state()} if isinstance(field, NetworkInverse) else {}),
            }
            for field, half in zip(fields, halves, strict=True)
        ],
    }
    save_checkpoint(path, state)


def read_inverse(path: Path, model: TrainedModel) -> SavedInverse:
    """Read a checkpoint of inverse deformations that belongs to a model.

    Raises
    ------
    UserError
        If it is missing, damaged, of another program, or made for another model.
    """
    again = "Estimate the inverse deformations of this job again."
    if not path.is_file():
        raise UserError(
            "the inverse deformations have not been estimated yet",
            path=path,
            hint="Continue the job with inverse-deformation estimation first.",
        )
    state = load_checkpoint(path)
    if state.get("format") != FORMAT or state.get("version") != VERSION:
        raise FormatError(
            "not inverse deformations of this version of the program",
            path=path,
            hint=f"Those of the original DynaMight are not read. {again}",
        )
    if state["forward"]["fingerprint"] != forward_fingerprint(model):
        raise UserError(
            f"the inverse deformations belong to another model than {model.path.name}", path=path, hint=again
        )
    first, second = state["halves"]
    return SavedInverse(
        str(state["method"]),
        (float(first["spacing_A"]), float(second["spacing_A"])),
        (first["errors"], second["errors"]),
        (first["network"], second["network"]) if state["method"] == NETWORK else None,
    )


def write_unfinished(path: Path, key: str, halves: Sequence[HalfErrors]) -> None:
    """Keep how far a run came; ``key`` tells the model and the settings."""
    save_checkpoint(path, {"key": key, "halves": [half.state() for half in halves]})


def read_unfinished(path: Path, key: str) -> list[HalfErrors] | None:
    """Return how far a run with the same model and settings came; None when there is none."""
    if not path.is_file():
        return None
    try:
        state = load_checkpoint(path)
    except UserError:
        # What can be computed again is not worth an error.
        return None
    if state.get("key") != key:
        return None
    return [HalfErrors.restore(half) for half in state["halves"]]


def write_table(job: Path, halves: Sequence[HalfErrors]) -> None:
    """Write the round-trip errors of both half-sets as CSV."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["half", "place", *halves[0].at[PLACES[0]].summary()])
    for number, half in enumerate(halves, 1):
        for place in PLACES:
            writer.writerow([number, place, *(f"{v:.6g}" for v in half.at[place].summary().values())])
    with replacing(job / _FOLDER / "round_trip.csv") as file:
        file.write(text.getvalue().encode())


def write_particle_errors(
    job: Path, model: TrainedModel, image_names: npt.NDArray[np.object_], halves: Sequence[HalfErrors]
) -> None:
    """Write the median round-trip errors of every particle.

    The file holds ``image_name`` (P,) as in the STAR file, ``half`` (P,), and float32 ``median_gaussians_A``,
    ``median_voxels_A`` and ``folded_fraction`` (P,).
    """
    values = np.full((len(image_names), len(PARTICLE_VALUES)), np.nan, np.float32)
    for trained, half in zip(model.halves, halves, strict=True):
        values[trained.rows] = half.particles
    columns = {name: values[:, column] for column, name in enumerate(PARTICLE_VALUES)}
    with replacing(job / _FOLDER / "round_trip.npz") as file:
        np.savez(
            file,
            allow_pickle=False,
            image_name=np.array([str(name) for name in image_names]),
            half=model.half,
            **columns,
        )


def run_key(model: TrainedModel, fields: Sequence[InverseField], seed: int, chunk: int) -> str:
    """Hash of all that the results of a run depend on."""
    parts = [forward_fingerprint(model), *(f"{field.table.spacing_a!r}" for field in fields)]
    parts += [str(seed), str(chunk), str(torch.__version__)]
    for field in fields:
        if isinstance(field, NetworkInverse):
            weights = field.network.state_dict()
            parts += [weights[name].detach().cpu().numpy().tobytes().hex() for name in sorted(weights)]
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()
