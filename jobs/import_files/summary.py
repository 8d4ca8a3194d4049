"""What was found in imported files: sentences for the log, key figures, and pictures for the monitor."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from jobs.core.figures import Fact, Figure, Series
from jobs.import_files import words
from jobs.import_files.maps import ImportedMap
from jobs.import_files.particles import Imported
from jobs.import_files.tilt_particles import TiltImport

if TYPE_CHECKING:
    from jobs.core.context import WorkerContext

_TASK = "import"
_BINS = 30
_MOST_MAPS = 4
_NAMES = {words.MAP: "map", words.MASK: "mask", words.HALF_MAP: "half-map"}


class Summary:
    """Gathers what is told at the end of an import.

    Attributes
    ----------
    entries
        One per file, as written to ``imported.json``.
    """

    def __init__(self) -> None:
        self.entries: list[dict[str, Any]] = []
        self._facts: list[Fact] = []
        self._defocus: list[NDArray[np.float64]] = []
        self._maps: list[tuple[str, ImportedMap]] = []

    def add_particles(self, imported: Imported) -> dict[str, Any]:
        """Note a particle file; returns its entry."""
        found = imported.particles
        boxes = sorted({int(box) for box in found.box})
        sizes = sorted({round(float(size), 5) for size in np.unique(found.pixel_size_a)})
        groups = len(found.optics_group_names)
        halves = [int(np.count_nonzero(found.half == half)) for half in (1, 2)]
        if bool(found.ctf_known.any()):
            self._defocus.append((found.defocus_u_a + found.defocus_v_a) / 2e4)
        micrographs = imported.micrographs
        where = f"from {_counted(micrographs, 'micrograph')}" if micrographs else imported.name
        self._facts += [
            Fact("Particles", f"{found.n:,}", where),
            Fact("Pixel size", " / ".join(f"{size:g}" for size in sizes) + " Å", _boxes(boxes)),
            Fact("Optics groups", str(groups), _counted(len(found.stacks), "image stack")),
        ]
        posed = "rlnAngleTilt" in found.table
        return {
            "what": "particles",
            "particles": found.n,
            "micrographs": imported.micrographs,
            "optics_groups": groups,
            "pixel_size_a": sizes,
            "box_px": boxes,
            "stacks": len(found.stacks),
            "poses": posed,
            "ctf": bool(found.ctf_known.any()),
            "half_sets": halves if any(halves) else [],
        }

    def add_tilt_particles(self, found: TiltImport) -> dict[str, Any]:
        """Note a file of particles of tilt series; returns its entry."""
        where = f"from {_counted(found.tomograms, 'tomogram')}" if found.tomograms else found.name
        self._facts.append(Fact("Particles of tilt series", f"{found.particles:,}", where))
        return {
            "what": "particles of tilt series",
            "particles": found.particles,
            "tomograms": found.tomograms,
            "stacks": found.stacks,
        }

    def add_map(self, found: ImportedMap, node_type: str) -> dict[str, Any]:
        """Note a map; returns its entry."""
        what = _NAMES[node_type]
        self._maps.append((what, found))
        size = f"{found.voxel_size_a:g} Å per voxel" if found.voxel_size_a else "pixel size unknown"
        self._facts.append(Fact(what.capitalize(), f"{found.box}³ voxels", size))
        return {"what": what, "box_px": [found.box], "pixel_size_a": [round(found.voxel_size_a, 5)]}

    def add_model(self, name: str, atoms: int, chains: int) -> dict[str, Any]:
        """Note an atomic model; returns its entry."""
        self._facts.append(Fact("Atomic model", f"{atoms:,} atoms", _counted(chains, "chain")))
        return {"what": "atomic model", "atoms": atoms, "chains": chains}

    def add_optimisation_set(self, name: str, files: int, missing: int) -> dict[str, Any]:
        """Note an optimisation set; returns its entry."""
        detail = f"{missing} not found" if missing else "all found"
        self._facts.append(Fact("Optimisation set", _counted(files, "file"), detail))
        return {"what": "tomography optimisation set", "files": files, "missing": missing}

    @staticmethod
    def sentence(entry: dict[str, Any]) -> str:
        """Return an entry in words."""
        if entry["what"] == "particles":
            sizes = " and ".join(f"{size:g}" for size in entry["pixel_size_a"])
            parts = [_counted(entry["particles"], "particle")]
            if entry["micrographs"]:
                parts.append(_counted(entry["micrographs"], "micrograph"))
            parts += [_counted(entry["optics_groups"], "optics group"), f"{sizes} Å per pixel"]
            parts.append(_boxes(entry["box_px"]))
            parts.append("with poses" if entry["poses"] else "without poses")
            parts.append("with CTF" if entry["ctf"] else "without CTF")
            if entry["half_sets"]:
                parts.append(f"half-sets of {entry['half_sets'][0]:,} and {entry['half_sets'][1]:,}")
            return ", ".join(parts) + "."
        if "box_px" in entry:
            return f"{entry['what']} of {entry['box_px'][0]}³ voxels of {entry['pixel_size_a'][0]:g} Å."
        counts = [f"{value} {key}" for key, value in entry.items() if key != "what"]
        return f"{entry['what']}: {', '.join(counts)}."

    def show(self, context: WorkerContext) -> None:
        """Write the figures, which carry the key figures of the job."""
        if self._maps:
            shown = self._maps[:_MOST_MAPS]
            arrays = tuple(f"imported_{k + 1}" for k in range(len(shown)))
            for name, (_, found) in zip(arrays, shown, strict=True):
                context.save_snapshot(name, found.picture)
            context.save_snapshot("volume", shown[0][1].picture)
            series = tuple(Series(f"{what} {found.name}", ()) for what, found in shown)
            figure = Figure("maps", _TASK, "Imported maps", series=series, arrays=arrays)
            context.save_figure("maps", _with_voxel(figure, shown[0][1].picture_voxel_a, self._taken_facts()))
        if self._defocus or self._facts:
            context.save_figure("particles", self._histogram())

    def _taken_facts(self) -> tuple[Fact, ...]:
        """Return the facts once: a figure that comes later has none."""
        facts, self._facts = tuple(self._facts), []
        return facts

    def _histogram(self) -> Figure:
        if not self._defocus:
            return Figure("curves", _TASK, "Imported", facts=self._taken_facts())
        values = np.concatenate(self._defocus)
        low, high = float(values.min()), float(values.max())
        edges = np.linspace(low, high if high > low else low + 0.1, _BINS + 1)
        counts = np.histogram(values, edges)[0] * (100 / len(values))
        return Figure(
            "histogram",
            _TASK,
            "Defocus of the particles",
            x_title="Mean defocus (µm)",
            y_title="Particles (%)",
            x=tuple(edges.tolist()),
            series=(Series(f"median {np.median(values):.2f} µm", tuple(counts.tolist())),),
            facts=self._taken_facts(),
        )


def _with_voxel(figure: Figure, voxel_size_a: float, facts: tuple[Fact, ...]) -> Figure:
    return replace(figure, voxel_size_a=voxel_size_a, facts=facts)


def _boxes(boxes: list[int]) -> str:
    return "box of " + " and ".join(str(box) for box in boxes) + " pixels"


def _counted(count: int, word: str) -> str:
    return f"{count:,} {word}" + ("" if count == 1 else "s")
