"""The networks of a folder, built and filled, ready to decode (and, if they are ours, to encode)."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from torch import Tensor

from jobs.core.checkpoint import load_checkpoint
from jobs.core.errors import FormatError, UserError
from jobs.tomodrgn.job_config import NEW, JobConfig
from jobs.tomodrgn.model import TomoModel
from jobs.tomodrgn.model_settings import ModelSettings
from jobs.tomodrgn.original_model import OriginalModel, read_original
from jobs.tomodrgn.volumes import decode_volumes

if TYPE_CHECKING:
    from jobs.tomodrgn.old_folders import TrainedFolder

#: Key of a checkpoint of ours under which the shapes of the networks stand.
MODEL_SETTINGS = "model_settings"


@dataclass(frozen=True)
class Trained:
    """A model that decodes, whoever trained it.

    Attributes
    ----------
    model
        The networks, in evaluation.
    box, pixel_size_a, zdim
        Of its images, and dimensions of its latent space (0 = none).
    norm
        Noise scale of the images that it was trained on.
    path
        File of its weights.
    noise
        Standard deviation of the noise in each shell, as the checkpoint has it; None = 1.
    """

    model: TomoModel | OriginalModel
    box: int
    pixel_size_a: float
    zdim: int
    norm: float
    path: Path
    noise: Tensor | None = None

    @property
    def own(self) -> TomoModel:
        """The networks if this program trained them.

        Raises
        ------
        UserError
            If the original did: its encoder wants its own sampling of tilts.
        """
        if isinstance(self.model, TomoModel):
            return self.model
        raise UserError(
            "images are embedded by models of this program only, not by those of the original",
            path=self.path,
            hint="Train here; places that the original found (z.pkl) are read as they are",
        )

    def volumes(
        self,
        z: Tensor | None,
        *,
        box: int | None = None,
        flip: bool = False,
        invert: bool = False,
        lowpass_a: float | None = None,
    ) -> Tensor:
        """Volumes ``(k, d, d, d)`` ``[z, y, x]`` of latent places ``(k, zdim)``; None without latent space.

        Raises
        ------
        UserError
            When the box is odd, or larger than that of the images.
        """
        if isinstance(self.model, TomoModel):
            return decode_volumes(
                self.model, z, box=box, norm=self.norm, flip=flip, invert=invert, lowpass_a=lowpass_a
            )
        lowpass = None if lowpass_a is None else self.pixel_size_a / lowpass_a
        return self.model.volumes(z, box=box, flip=flip, invert=invert, lowpass=lowpass)


def load_trained(folder: TrainedFolder, epoch: int | None = None, device: str = "cpu") -> Trained:
    """Build the networks of an epoch, the final ones (or else the newest) for None.

    Raises
    ------
    UserError
        When the weights are missing, damaged, or do not fit the settings.
    """
    return load_weights(folder, folder.weights(epoch), device)


def load_weights(folder: TrainedFolder, path: Path, device: str = "cpu") -> Trained:
    """Build the networks of a file of weights that belongs to a folder's settings.

    Raises
    ------
    UserError
        When the file is missing, damaged, or does not fit the settings.
    """
    state = load_checkpoint(path)
    if "model_state_dict" not in state:
        raise FormatError("the file holds no weights of a model", path=path)
    if MODEL_SETTINGS not in state:
        return _original(folder, path)
    settings = ModelSettings.from_dict(state[MODEL_SETTINGS])
    model = _filled(settings, state["model_state_dict"], path, device)
    return Trained(
        model,
        settings.box,
        settings.pixel_size_a,
        settings.zdim,
        float(state["norm"]),
        path,
        state.get("noise"),
    )


def _filled(settings: ModelSettings, values: dict[str, Any], path: Path, device: str) -> TomoModel:
    try:
        model = TomoModel.from_state(settings, values)
    except (RuntimeError, KeyError, ValueError) as error:
        reason = str(error).splitlines()[0]
        raise FormatError(f"the weights do not fit the networks ({reason})", path=path) from None
    return model.to(device).eval()


def _original(folder: TrainedFolder, path: Path) -> Trained:
    config: JobConfig = folder.config
    model = read_original(
        path,
        box=config.box,
        pe_type=str(config.model.get("pe_type", "geom_lowf")),
        zdim=config.zdim or None,
        extent=config.extent,
        norm=config.norm,
        activation=str(config.model.get("activation", "relu")),
        generation="N" if config.generation == NEW else "S",
    )
    pixel = config.pixel_size_a
    if pixel is None:
        # The first generation leaves it to the particle file.
        pixel = folder.particles().pixel_size_a
    return Trained(model, config.box, pixel, config.zdim, config.norm[1], path)
