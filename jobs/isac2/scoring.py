"""Every image against every reference, over angles, mirrors and shifts.

Two steps: the best score of every pair, as matrix products; then, once it is known to which reference an
image goes, the angle for that reference only, in double precision. The images go through in blocks whose
size never depends on memory or threads, so that neither does the result.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from jobs.isac2.correlation import Correlator
from jobs.isac2.lattice import Lattice, windows
from jobs.isac2.masks import disc
from jobs.maths.polar import PolarGrid
from jobs.maths.transforms2d import Planar

#: Images in one block of scoring, in one of alignment, and references that a block meets at once.
BLOCK = {"cpu": 32, "cuda": 512}
ALIGNED = {"cpu": 64, "cuda": 2048}
REFERENCES = {"cpu": 16, "cuda": 128}


@dataclass(frozen=True)
class ScoreTable:
    """Best score of every image with every reference.

    Attributes
    ----------
    scores
        ``(n, k)`` float32.
    places
        ``(n, k)`` int16, twice the index of the best lattice point, plus 1 if mirrored.
    starts
        ``(n, 2)`` int64 whole pixels about which the lattice lay.
    """

    scores: Tensor
    places: Tensor
    starts: Tensor

    def to(self, device: torch.device) -> ScoreTable:
        """Return the same on a device."""
        return ScoreTable(self.scores.to(device), self.places.to(device), self.starts.to(device))

    @staticmethod
    def joined(tables: list[ScoreTable]) -> ScoreTable:
        """Return tables one after the other."""
        return ScoreTable(
            torch.cat([table.scores for table in tables]),
            torch.cat([table.places for table in tables]),
            torch.cat([table.starts for table in tables]),
        )

    def chosen(self, labels: Tensor) -> Chosen:
        """Return the best places of images with one reference ``(n,)`` each."""
        return Chosen(self.places.gather(1, labels.to(self.places.device)[:, None])[:, 0], self.starts)


@dataclass(frozen=True)
class Chosen:
    """Best place of every image with its reference.

    Attributes
    ----------
    places
        ``(n,)`` int16 as in :class:`ScoreTable`.
    starts
        ``(n, 2)`` int64 likewise.
    """

    places: Tensor
    starts: Tensor

    def __getitem__(self, rows: slice) -> Chosen:
        return Chosen(self.places[rows], self.starts[rows])

    def to(self, device: torch.device) -> Chosen:
        """Return the same on a device."""
        return Chosen(self.places.to(device), self.starts.to(device))


class MultiReference:
    """Alignment of images to references.

    Parameters
    ----------
    grid: PolarGrid
        Rings; its device computes.
    lattice: Lattice
        Shifts that are tried about the current centre of an image.
    normalise: bool
        Every polar image to mean 0 and standard deviation 1, as in classification; alignment within groups
        and pre-alignment go without.
    step_deg: float or None
        Look only at multiples of this angle, without refinement.
    frequency: float or None
        Finest detail of the references, 1/pixel; all that the grid has when None.
    """

    def __init__(
        self,
        grid: PolarGrid,
        lattice: Lattice,
        normalise: bool = True,
        step_deg: float | None = None,
        frequency: float | None = None,
    ) -> None:
        self.grid = grid
        self.lattice = lattice
        self.normalise = normalise
        self.correlator = Correlator(grid, frequency, step_deg)
        self._half = self.grid.radius + lattice.reach + 1
        #: Edge of what is cut out of an image, pixels.
        self.window = 2 * self._half + 1
        self._table = self.grid.table(self.window, lattice.points)
        # Whole pixels need one table for all images, fractions one for each of them.
        whole = bool((lattice.points == lattice.points.round()).all())
        self._single = self.grid.table(2 * self.grid.radius + 3) if whole else None

    # --------------------------------------------------------------------------------------- references
    def references(self, averages: Tensor) -> Tensor:
        """Coefficients ``(rows, 2, k)``, weighted, of averages ``(k, y, x)``.

        Averages lose their mean inside the disc but keep their power: those with more of it score higher,
        for which :mod:`jobs.isac2.likelihood` makes up.
        """
        averages = averages.to(self.grid.device, torch.float32)
        inside = disc(averages.shape[-1], self.grid.radius, self.grid.device).to(averages.dtype)
        mean = (averages * inside).sum((1, 2), keepdim=True) / inside.sum()
        return self.correlator.weighted(self.grid.coefficients(averages - mean))

    # ------------------------------------------------------------------------------------------ scoring
    def blocks(self, n: int, sizes: dict[str, int] = BLOCK) -> Iterator[slice]:
        """Rows of images that go through together."""
        size = sizes[self.grid.device.type]
        return (slice(start, min(start + size, n)) for start in range(0, n, size))

    def coefficients(self, images: Tensor, starts: Tensor) -> Tensor:
        """Coefficients ``(rows, 2, L * n)`` of images ``(n, y, x)`` about all lattice points.

        Only those that references show.
        """
        cut = windows(images.to(self.grid.device, torch.float32), starts, self._half)
        return self.grid.coefficients(cut, self._table, self.normalise, self.correlator.n_rows)

    def best(self, images: Tensor, offsets: Tensor, references: Tensor, reset: bool = False) -> ScoreTable:
        """Best score of every image with every reference.

        Parameters
        ----------
        images: torch.Tensor
            ``(n, y, x)``, on any device.
        offsets: torch.Tensor
            ``(n, 2)`` current centres (:meth:`Planar.pre_rotation_offset`).
        references: torch.Tensor
            ``(rows, 2, k)`` of :meth:`references`.
        reset: bool
            See :meth:`Lattice.starts`.
        """
        device = self.grid.device
        starts = self.lattice.starts(offsets.to(device), reset)
        n, k = len(images), references.shape[2]
        scores = torch.empty(n, k, device=device)
        places = torch.empty(n, k, dtype=torch.int16, device=device)
        size = REFERENCES[device.type]
        groups = [
            (slice(first, min(first + size, k)), references[:, :, first : first + size].contiguous())
            for first in range(0, k, size)
        ]
        for rows in self.blocks(n):
            block = self.coefficients(images[rows], starts[rows])
            outside = ~self.lattice.inside(starts[rows])
            for columns, some in groups:
                table = self.correlator.maxima(some, block)
                table = table.view(2, some.shape[2], len(self.lattice), -1).permute(2, 0, 1, 3)
                table = table.masked_fill(outside[:, None, None], -torch.inf)
                values, place = table.reshape(2 * len(self.lattice), some.shape[2], -1).max(0)
                scores[rows, columns] = values.T
                places[rows, columns] = place.T.to(torch.int16)
        return ScoreTable(scores, places, starts)

    # ---------------------------------------------------------------------------------------- alignment
    def align(self, images: Tensor, references: Tensor, table: ScoreTable, labels: Tensor) -> Planar:
        """Transformations that bring every image onto its reference.

        Parameters
        ----------
        images, references: torch.Tensor
            As given to :meth:`best`.
        table: ScoreTable
            What it found.
        labels: torch.Tensor
            ``(n,)`` int64 reference of each image.

        Returns
        -------
        Planar
            ``(n,)``, double precision.
        """
        labels = labels.to(self.grid.device)
        return self.align_chosen(images, references, table.chosen(labels), labels)

    def align_chosen(self, images: Tensor, references: Tensor, chosen: Chosen, labels: Tensor) -> Planar:
        """Transformations as of :meth:`align`, from what is known of every image and its reference alone."""
        place = chosen.places.long()
        mirror = torch.remainder(place, 2) == 1
        offsets = chosen.starts + self.lattice.points[place // 2]
        angles = torch.empty(len(labels), dtype=torch.float64, device=self.grid.device)
        for rows in self.blocks(len(labels), ALIGNED):
            coefficients = self._about(images[rows].to(self.grid.device, torch.float32), offsets[rows])
            curves = self.correlator.curves(references[:, :, labels[rows]], coefficients, mirror[rows])
            angles[rows] = self.correlator.peaks(curves)[0]
        return Planar.from_offset(angles, offsets.double(), mirror)

    def _about(self, images: Tensor, offsets: Tensor) -> Tensor:
        """Coefficients ``(rows, 2, n)`` of images about one point ``(n, 2)`` of each."""
        if self._single is None:
            return self.grid.transform(self.grid.sample_about(images, offsets), self.correlator.n_rows)
        cut = windows(images, offsets.round().long(), self.grid.radius + 1)
        return self.grid.coefficients(cut, self._single, rows=self.correlator.n_rows)

    def align_to(
        self, images: Tensor, offsets: Tensor, average: Tensor, reset: bool = False
    ) -> tuple[Planar, Tensor]:
        """Transformations ``(n,)`` of images onto one average ``(y, x)``, and their scores ``(n,)``."""
        reference = self.references(average[None])
        table = self.best(images, offsets, reference, reset)
        labels = torch.zeros(len(images), dtype=torch.int64, device=self.grid.device)
        return self.align(images, reference, table, labels), table.scores[:, 0]
