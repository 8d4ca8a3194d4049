"""Opens tomograms and cuts slabs and surfaces out of them beside the window."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from PySide6.QtCore import QObject

from jobs.core.placing import TomogramVolume
from widgets.explorer.map_worker import Latest
from widgets.explorer.meshing import Mesh, surface
from widgets.explorer.work import Work
from widgets.tomogram.slab import Pyramid, Slab, SlabPicture

if TYPE_CHECKING:
    from widgets.tomogram.pane import TomogramPane


@dataclass(frozen=True, eq=False)
class _Wish:
    pyramid: Pyramid
    slab: Slab | None
    level: float | None


class SlabWork(QObject):
    """The tomogram behind the particles of a pane."""

    def __init__(self, pane: TomogramPane) -> None:
        super().__init__(pane)
        self.pane = pane
        self.pyramid: Pyramid | None = None
        self.picture: SlabPicture | None = None
        self._mesh: Mesh | None = None
        self._meshed: tuple[Pyramid, float, Mesh] | None = None
        self._opening = Work(self)
        self._latest = Latest(self._make, self)
        self._latest.answered.connect(self._on_made)
        self._latest.failed.connect(pane.complain)

    @property
    def busy(self) -> bool:
        """Whether something is being read or cut."""
        return self._opening.busy or self._latest.pending

    def open(self, name: str) -> None:
        """Open the tomogram of this name, if its file is known."""
        services = self.pane.services
        self._take(None)
        self._opening.start(
            lambda _told, _cancelled: (services.tomogram(name), services.tomogram_files(name)),
            self._on_opened,
            self._on_none,
        )

    def use_file(self, name: str, path: Path) -> None:
        """Take a file for a tomogram."""
        services = self.pane.services
        self._opening.start(
            lambda _told, _cancelled: (services.use_tomogram(name, path), services.tomogram_files(name)),
            self._on_opened,
            self.pane.complain,
        )

    def _on_none(self, error: Exception) -> None:
        self.pane.complain(error)
        # a file that cannot be read leaves the particles without one
        self.pane.fit()

    def _on_opened(self, found: tuple[TomogramVolume | None, list[Path]]) -> None:
        volume, files = found
        self._take(volume)
        self.pane.controls.tomograms.set_files(files, None if volume is None else volume.path)
        self.pane.fit()
        self.cut()

    def _take(self, volume: TomogramVolume | None) -> None:
        self.pyramid = None if volume is None else Pyramid(volume)
        self.picture = self._mesh = None
        self.redraw()
        controls = self.pane.controls.slab
        told = self.pane.controls.tomograms.file
        self.pane.controls.tomograms.set_files([], None)
        if volume is None or self.pyramid is None:
            controls.set_volume(None, 1.0)
            told.setText("No file of this tomogram is known yet")
            return
        controls.set_volume(self.pyramid.extent_a, volume.voxel_size_a, self.pane.middle_a())
        nz, ny, nx = volume.data.shape
        told.setText(f"{volume.path.name} · {nx} × {ny} × {nz} · {volume.voxel_size_a:.4g} Å")

    def cut(self) -> None:
        """Cut the slab (and surface) that the controls ask for."""
        controls = self.pane.controls.slab
        if self.pyramid is None:
            return
        slab = controls.slab if controls.slab_on.isChecked() else None
        level = controls.surface_level if controls.surface_on.isChecked() else None
        self._latest.request(_Wish(self.pyramid, slab, level))

    def make_surface(self) -> None:
        """The surface is wanted, or at another level."""
        self.cut()

    def _make(self, wish: _Wish) -> tuple[_Wish, SlabPicture | None, Mesh | None]:
        picture = None if wish.slab is None else wish.pyramid.cut(wish.slab)
        mesh = None if wish.level is None else self._surface(wish.pyramid, wish.level)
        return wish, picture, mesh

    def _surface(self, pyramid: Pyramid, place: float) -> Mesh:
        kept = self._meshed
        if kept is not None and kept[0] is pyramid and kept[1] == place:
            return kept[2]
        data, step = pyramid.small()
        edge = pyramid.volume.voxel_size_a * step
        low, high = pyramid.limits()
        level = low + (max(high, float(np.max(data)) * 0.9) - low) * place**2
        made = surface(data, level, edge)
        middle = np.array(data.shape) // 2 * edge + (step - 1) / 2 * pyramid.volume.voxel_size_a
        mesh = Mesh((made.vertices + middle).astype(np.float32), made.faces, made.normals)
        self._meshed = (pyramid, place, mesh)
        return mesh

    def _on_made(self, answer: tuple[_Wish, SlabPicture | None, Mesh | None]) -> None:
        wish, picture, mesh = answer
        if wish.pyramid is not self.pyramid:
            return
        self.picture, self._mesh = picture, mesh
        self.redraw()

    def redraw(self) -> None:
        """Put slab and surface on the view that there is now."""
        view: Any = self.pane.room.view
        picture = self.picture
        view.set_slab(picture, None if picture is None else self.pane.controls.slab.limits(picture.limits))
        view.set_surface(self._mesh)

    def close(self) -> None:
        """End what runs."""
        self._opening.cancel()
        self._latest.leave()
