"""Colours, filters and the selection of particles."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QObject
from PySide6.QtWidgets import QFileDialog

from jobs.core.errors import UserError
from widgets.explorer.colouring import Colouring
from widgets.explorer.columns import Columns
from widgets.explorer.loading import Opened
from widgets.explorer.outlier_picker import norms_of
from widgets.explorer.polygon import inside
from widgets.explorer.second_plot import paint

if TYPE_CHECKING:
    from widgets.explorer.explorer import Explorer

Mask = NDArray[np.bool_]


class _Found(NamedTuple):
    """Clusters ``(P,)``, how likely a mixture finds them, and the particles in their middle."""

    labels: NDArray[np.integer]
    probability: NDArray[np.floating] | None
    centres: NDArray[np.integer]


class ChoiceControl(QObject):
    """Connects plot, colours and the selection panel."""

    def __init__(self, view: Explorer) -> None:
        super().__init__(view)
        self.view = view
        self.mask: Mask | None = None
        self._wanted = ""
        self.shown: Mask | None = None
        view.canvas.region_drawn.connect(self.take_region)
        view.second.region.connect(view.selecting.combine)
        view.colours.coloured.connect(self.colour)
        view.colours.filtered.connect(self.filter)
        view.colours.selection_wanted.connect(view.selecting.combine)
        view.colours.columns_changed.connect(self._on_columns)
        view.selecting.changed.connect(self.select)
        view.selecting.import_wanted.connect(self.ask_names)
        view.selecting.show_images_wanted.connect(self.show_images)
        view.selecting.save_wanted.connect(view.writing.save_selection)
        view.selecting.train_wanted.connect(view.writing.train)
        view.selecting.ways.groups.find_wanted.connect(
            lambda method, count, seed: self.find_clusters(count, method, seed)
        )

    def begin(self, opened: Opened, *, same_particles: bool) -> None:
        """Offer the values of a model that was opened."""
        extra: dict[str, NDArray[np.generic]] = {}
        if opened.model.half_set is not None:
            extra["half-set"] = np.asarray(opened.model.half_set)
        extra["latent"] = opened.latent
        extra["norm"] = norms_of(opened.latent)
        ways = self.view.selecting.ways
        ways.outliers.set_latent(opened.latent)
        ways.groups.set_groups(None)  # their places have changed
        self.view.colours.set_model(opened.model.metadata, opened.model.measures, extra, len(opened.latent))
        if not same_particles:
            self.view.selecting.set_count(len(opened.latent))
            self.view.kept.begin(opened.names)
            self.mask = self.shown = None
            for plot in (self.view.canvas, self.view.second):
                plot.set_selection(None)
                plot.set_shown(None)

    def _on_columns(self, columns: Columns) -> None:
        """The names of all columns are known now."""
        self.view.selecting.set_columns(columns)
        self.view.pairs.set_columns(columns)
        if self._wanted:
            wanted, self._wanted = self._wanted, ""
            self.view.colours.choose(wanted)

    # -- colours -------------------------------------------------------------------------------------------

    def colour(self, colouring: Colouring) -> None:
        """Colour the plot."""
        paint(self.view.canvas, colouring)
        self.view.second.set_colouring(colouring)
        self.view.pairs.set_colouring(colouring)

    def filter(self, mask: Mask | None) -> None:
        """Show only some of the particles."""
        self.shown = mask
        self.view.canvas.set_shown(mask)
        self.view.second.set_shown(mask)
        self.view.pairs.set_shown(mask)

    def find_clusters(self, count: int, method: str = "kmeans", seed: int = 0) -> None:
        """Divide the particles into clusters, colour by them, and offer them for selection."""
        view, opened = self.view, self.view.opened
        if opened is None:
            return
        services, latent = view.services, opened.latent

        def work(_progress: object, _cancelled: object) -> _Found:
            labels, probability = services.clusters(latent, method, count, seed)
            return _Found(labels, probability, services.centres(latent, labels))

        def done(found: _Found) -> None:
            way = "k-means" if method == "kmeans" else "mixture"
            name = f"cluster ({way}, {count})" if seed == 0 else f"cluster ({way}, {count}, seed {seed})"
            self._wanted = f"extra:{name}"
            if found.probability is not None:
                view.colours.add_values(f"probability ({way}, {count})", found.probability, "Space")
            view.colours.add_values(name, found.labels + 1, "Space")
            view.paths.set_centres(found.centres)
            view.selecting.ways.groups.set_groups(found.labels, found.probability, method)

        view.work.start(work, done, view.complain, "Finding clusters")

    # -- selection -----------------------------------------------------------------------------------------

    def take_region(self, polygon: NDArray[np.floating], mode: str) -> None:
        """Combine what lies inside a polygon with the selection; hidden particles are never selected."""
        plane = self.view.plane
        if plane is None:
            return
        mask = inside(plane.xy, np.asarray(polygon, np.float32))
        if self.shown is not None:
            mask &= self.shown
        self.view.selecting.combine(mask, mode)

    def select(self, mask: Mask | None) -> None:
        """Show a selection everywhere."""
        self.mask = mask
        self.view.canvas.set_selection(mask)
        self.view.second.set_selection(mask)
        self.view.pairs.set_selection(mask)

    def rows(self) -> NDArray[np.intp]:
        """Rows of the selected particles, of all when none are selected."""
        opened = self.view.opened
        count = 0 if opened is None else len(opened.latent)
        return np.arange(count) if self.mask is None else np.flatnonzero(self.mask)

    def names(self) -> list[str]:
        """Identities of the selected particles.

        Raises
        ------
        UserError
            When no particle is selected.
        """
        opened = self.view.opened
        if opened is None or self.mask is None or not self.mask.any():
            raise UserError("No particles are selected", hint="Draw a lasso around some of them first")
        return [str(name) for name in opened.names[self.mask]]

    def show_images(self) -> None:
        """Show images of the selected particles."""
        rows = self.rows()
        self.view.show_tab(self.view.images)
        self.view.montage.show_rows(rows)

    def ask_names(self) -> None:
        """Ask for a list of particles, and combine them with the selection."""
        view, opened = self.view, self.view.opened
        if opened is None:
            return
        text, _ = QFileDialog.getOpenFileName(
            view,
            "Select the particles of a file",
            "",
            "Particles (*.star *.txt *.csv *.pkl *.npy);;All files (*)",
        )
        if text:
            self.take_names(Path(text))

    def take_names(self, path: Path) -> None:
        """Combine the particles that a file names with the selection."""
        view, opened = self.view, self.view.opened
        if opened is None:
            return
        services, own = view.services, opened.names

        def work(_progress: object, _cancelled: object) -> Mask:
            wanted = set(services.read_names(path))
            mask = np.fromiter((name in wanted for name in own), bool, len(own))
            if not mask.any():
                raise UserError(
                    "None of the particles in this file are shown here",
                    path=path,
                    hint="Perhaps they belong to the other half-set",
                )
            return mask

        view.work.start(
            work,
            lambda mask: view.selecting.combine(mask, "", f"Particles of {path.name}"),
            view.complain,
            "Reading",
        )
