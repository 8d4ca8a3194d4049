"""What a node picker asks for: files of the project that suit an input, with the job that made them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final, Protocol

# First part of a node label, in the words of the people who look for it.
_KINDS: Final[dict[str, str]] = {
    "ParticleGroupMetadata": "Particles",
    "DensityMap": "Map",
    "Mask3D": "Mask",
    "Image2DGroupMetadata": "2D images",
    "OptimiserData": "Optimiser",
    "MicrographGroupMetadata": "Micrographs",
    "MicrographMovieGroupMetadata": "Movies",
    "MicrographCoordsGroup": "Coordinates",
    "TomoOptimisationSet": "Optimisation set",
    "TomogramGroupMetadata": "Tomograms",
    "TomoTrajectoryData": "Trajectories",
    "TomoManifoldData": "Manifolds",
    "AtomCoords": "Atoms",
    "Sequence": "Sequence",
    "LogFile": "Log",
    "ProcessData": "Process data",
    "Image3D": "3D image",
    "ParamsData": "Parameters",
}
# Parts which say how a file is stored, not what it is.
_STORAGE: Final = {"star", "mrc", "pdf", "cif", "txt", "relion", "fasta", "pdb"}


@dataclass(frozen=True)
class NodeCandidate:
    """A file of the project which may be chosen as input.

    Attributes
    ----------
    path
        Path relative to the project, as it is written into the option.
    label
        RELION node label, for example ``DensityMap.mrc.relion.refine3d``.
    job
        Job that made it, with its alias when it has one; empty for imported files.
    date
        When the file was last changed, None when unknown.
    details
        ``particles`` (count), ``box`` (px), ``pixel_size_a`` (Å) where they are known.
    """

    path: str
    label: str
    job: str = ""
    date: datetime | None = None
    details: Mapping[str, int | float | str] = field(default_factory=dict)

    @property
    def kind(self) -> str:
        """The label in words, for example ``Map · halfmap, refine3d``."""
        return kind_in_words(self.label)


class NodeSource(Protocol):
    """Gives the candidates for an input; called off the GUI thread, so it may read file headers."""

    def candidates(self, labels: Sequence[str]) -> Sequence[NodeCandidate]:
        """Return the files whose label suits one of `labels`, in any order."""


def kind_in_words(label: str) -> str:
    """Return a RELION node label in words; an unknown label stays as it is."""
    first, *rest = label.split(".")
    if first not in _KINDS:
        return label
    details = [part for part in rest if part not in _STORAGE]
    return f"{_KINDS[first]} · {', '.join(details)}" if details else _KINDS[first]
