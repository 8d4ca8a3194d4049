"""The networks of a folder, built and filled, ready to encode and decode."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from jobs.core.checkpoint import load_checkpoint
from jobs.core.errors import FormatError
from jobs.tomodrgn.model import TomoModel
from jobs.tomodrgn.model_settings import ModelSettings

if TYPE_CHECKING:
    from jobs.tomodrgn.old_folders import TrainedFolder

#: Key of a checkpoint of ours under which the shapes of the networks stand.
MODEL_SETTINGS = "model_settings"


@dataclass(frozen=True)
class Trained:
    """A model with the scale of its volumes.

    Attributes
    ----------
    model
        The networks, in evaluation.
    norm
        Noise scale of the images that it was trained on.
    path
        File of its weights.
    """

    model: TomoModel
    norm: float
    path: Path


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
        raise FormatError("the weights do not say which networks they are of", path=path)
    settings = ModelSettings.from_dict(state[MODEL_SETTINGS])
    return Trained(_filled(settings, state["model_state_dict"], path, device), float(state["norm"]), path)


def _filled(settings: ModelSettings, values: dict[str, Any], path: Path, device: str) -> TomoModel:
    try:
        model = TomoModel.from_state(settings, values)
    except (RuntimeError, KeyError, ValueError) as error:
        reason = str(error).splitlines()[0]
        raise FormatError(
            f"the weights do not fit the shapes of the networks ({reason})", path=path
        ) from None
    return model.to(device).eval()
