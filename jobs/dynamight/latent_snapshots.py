"""Checkpoints of a job that can be looked at, also while the job is writing them."""

from __future__ import annotations

import zipfile
from collections import OrderedDict
from pathlib import Path

from jobs.core.errors import UserError
from jobs.core.latent import Snapshot
from jobs.dynamight.outputs import checkpoint_path
from jobs.dynamight.state import TrainedModel, load_model

#: Models kept in memory; a slider over epochs goes to and fro between few of them.
_KEPT = 4


def find_snapshots(job: Path) -> list[Snapshot]:
    """Checkpoints by epoch, the final one last; without files that are only half there."""
    final = checkpoint_path(job, None)
    try:
        numbered = [path for path in final.parent.iterdir() if path.suffix == ".pth" and path.stem.isdigit()]
    except OSError:
        return []
    numbered.sort(key=lambda path: int(path.stem))
    found = [Snapshot(f"epoch {int(path.stem)}", int(path.stem), path) for path in numbered if _whole(path)]
    if _whole(final):
        found.append(Snapshot("final", None, final))
    return found


class Snapshots:
    """Models of both half-sets, read from checkpoints and kept while they do not change.

    Parameters
    ----------
    job
        Job folder.
    device
        Where models go.
    """

    def __init__(self, job: Path, device: str) -> None:
        self._job, self._device = job, device
        self._models: OrderedDict[tuple[Path, int, int], TrainedModel] = OrderedDict()

    def load(self, path: Path | None) -> TrainedModel:
        """Read a checkpoint; the newest one that is whole when None.

        Raises
        ------
        UserError
            If there is none, or if it is damaged.
        """
        if path is not None:
            return self._read(path)
        problem: UserError | None = None
        for snapshot in reversed(find_snapshots(self._job)):
            try:
                return self._read(snapshot.path)
            except UserError as error:
                # It may have been removed or replaced since it was found: then the one before shows most.
                problem = problem or error
        raise problem or UserError(
            "there is nothing to explore yet: the job has not written a checkpoint",
            path=checkpoint_path(self._job, None).parent,
            hint="A training writes one every few epochs; look again in a while.",
        )

    def _read(self, path: Path) -> TrainedModel:
        try:
            status = path.stat()
        except OSError as error:
            raise UserError(
                "the checkpoint does not exist any more", path=path, hint="Choose another one."
            ) from error
        key = (path, status.st_mtime_ns, status.st_size)
        model = self._models.get(key)
        if model is None:
            model = load_model(path, self._device)
            self._models[key] = model
            while len(self._models) > _KEPT:
                self._models.popitem(last=False)
        self._models.move_to_end(key)
        return model


def _whole(path: Path) -> bool:
    """Whether a checkpoint has been written to its end: the directory of the archive is written last."""
    try:
        return zipfile.is_zipfile(path)
    except OSError:
        return False
