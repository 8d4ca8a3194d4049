"""``convergence_vae``: whether a training with a latent space has come to rest, by many heuristics."""

from __future__ import annotations

from functools import lru_cache, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import NDArray

from jobs.core.errors import UserError
from jobs.formats.mrc import read_map
from jobs.formats.pickles import read_pickles, write_pickles
from jobs.tomodrgn import convergence_plots as draw
from jobs.tomodrgn.analysis_controls import read_losses
from jobs.tomodrgn.analysis_latent import pca
from jobs.tomodrgn.analysis_staging import Reporter, staged
from jobs.tomodrgn.analysis_umap import umap
from jobs.tomodrgn.analyze import resolve_epoch
from jobs.tomodrgn.convergence_latent import last_steps, representatives, shifts, spread
from jobs.tomodrgn.convergence_settings import Convergence, ConvergenceSettings
from jobs.tomodrgn.convergence_sketch import Sketch, sketch
from jobs.tomodrgn.convergence_testtrain import compare_held_out
from jobs.tomodrgn.convergence_words import Series, verdict
from jobs.tomodrgn.eval_vol import write_volumes
from jobs.tomodrgn.old_folders import TrainedFolder
from jobs.tomodrgn.volume_space import correlation, correlations, mask_of, shells

if TYPE_CHECKING:
    from collections.abc import Sequence

Array = NDArray[Any]

#: The summary in words.
SUMMARY: Final = "summary.txt"


def epochs_to_compare(known: Sequence[int], interval: int) -> list[int]:
    """Return the epochs 0, i, 2i ... that are there, and the last."""
    return sorted({epoch for epoch in known if epoch % interval == 0} | {known[-1]})


def convergence_vae(folder: TrainedFolder, settings: ConvergenceSettings, reporter: Reporter) -> Convergence:
    """Compare the epochs of a training; results take the place of earlier ones when all are there.

    Raises
    ------
    UserError
        When the folder is of a ``train_nn`` model, or files are missing.
    """
    if not folder.config.zdim:
        raise UserError(
            "a train_nn model has no latent space", path=folder.path, hint="Use convergence_nn for it"
        )
    if settings.interval < 1:
        raise UserError("the interval between epochs is at least 1")
    last, _ = resolve_epoch(folder, settings.epoch)
    known = [e for e in folder.epochs if e <= last and folder.latent_file(e) is not None]
    if not known:
        raise UserError(
            "no epoch has both weights and latent places", path=folder.path, hint="Train with --checkpoint 1"
        )
    out = settings.out or folder.path / f"convergence.{last}"
    if len(known) < last + 1:
        reporter.say(
            f"Only {len(known)} of {last + 1} epochs have latent places; train with --checkpoint 1 for all"
        )
    with staged(out) as place:
        work = _Work(folder, settings, reporter, place, out, known)
        found = work.all()
    for sentence in found.verdict.sentences:
        reporter.say(sentence)
    return found


class _Work:
    def __init__(
        self,
        folder: TrainedFolder,
        settings: ConvergenceSettings,
        reporter: Reporter,
        place: Path,
        out: Path,
        known: list[int],
    ) -> None:
        self.folder, self.settings, self.reporter = folder, settings, reporter
        self.place, self.out, self.known = place, out, known
        self.epochs = epochs_to_compare(known, settings.interval)
        self.plots = draw.Plots(place / "plots", settings.ending)
        self.places = lru_cache(maxsize=3)(lambda epoch: folder.latent(epoch)[0])
        for name in ("plots", "pcs", "umaps", "repr_particles"):
            (place / name).mkdir()

    def all(self) -> Convergence:
        losses = read_losses(self.folder.path)
        kept = losses["epoch"] <= self.known[-1]
        losses = {name: values[kept] for name, values in losses.items()}
        self.plots.losses(losses)
        vectors = shifts(self.places, self.known)
        write_pickles(self.place / "vector_metrics.pkl", vectors)
        self.plots.vectors(vectors, self.known)
        planes, rows = self._planes()
        found = sketch(planes[self.epochs[-1]], self.settings.sketch)
        self.plots.sketch(planes[self.epochs[-1]], found)
        members = [rows[near] for near in found.members]
        self._representatives(planes, rows, members, found)
        measured = self._maps(found)
        held_out = compare_held_out(self.folder, self.epochs, self.settings, self.reporter, self.place)
        if len(held_out):
            self.plots.held_out(self.epochs, held_out)
        newest = self.places(self.known[-1])
        series = Series(
            loss=losses["total"],
            steps=last_steps(self.places, self.known),
            spread=spread(newest),
            epochs=self.epochs,
            names=found.names,
            held_out=held_out,
            **measured,
        )
        said = verdict(series)
        (self.place / SUMMARY).write_text(said.text, encoding="utf-8")
        return Convergence(self.out, series, said, vectors)

    def _planes(self) -> tuple[dict[int, Array], Array]:
        """UMAP of every compared epoch and the particles in them; components are written on the way."""
        count = len(self.places(self.epochs[-1]))
        rows = np.arange(count)
        most = self.settings.subset
        if self.settings.skip_umap:
            rows = np.asarray(read_pickles(self._earlier("umaps/ind_subset.pkl"))[0])
        elif most is not None and count > most:
            rng = np.random.default_rng(self.settings.subset_seed)
            rows = np.sort(rng.choice(count, most, replace=False))
        write_pickles(self.place / "umaps" / "ind_subset.pkl", rows)
        planes = {}
        components = {}
        for epoch in self.epochs:
            found = pca(self.places(epoch))
            write_pickles(self.place / "pcs" / f"pc.{epoch}.pkl", found.coordinates)
            components[epoch] = _two(found.coordinates[rows])
            planes[epoch] = self._plane(epoch, rows)
            write_pickles(self.place / "umaps" / f"umap.{epoch}.pkl", planes[epoch])
        self.plots.planes("01_encoder_pcs", components, ("PC1", "PC2"))
        names = ("UMAP1", "UMAP2") if self.folder.config.zdim > 2 else ("z1", "z2")
        self.plots.planes("02_encoder_umaps", planes, names)
        return planes, rows

    def _plane(self, epoch: int, rows: Array) -> Array:
        places = self.places(epoch)[rows]
        if places.shape[1] <= 2:
            return _two(places)
        if self.settings.skip_umap:
            found = np.asarray(read_pickles(self._earlier(f"umaps/umap.{epoch}.pkl"))[0])
            if found.shape != (len(rows), 2):
                raise UserError("the earlier UMAP is of other particles", path=self.out)
            return found
        tell = partial(_named, self.reporter, f"epoch {epoch}: ")
        return umap(places, self.settings.umap_seed, tell)

    def _earlier(self, name: str) -> Path:
        path = self.out / name
        if not path.is_file():
            raise UserError(
                "there is no earlier result to take up",
                path=path,
                hint="Run without --skip-umap and --skip-volgen first",
            )
        return path

    def _representatives(
        self, planes: dict[int, Array], rows: Array, members: list[Array], found: Sketch
    ) -> None:
        shown = {}
        for epoch in self.epochs:
            particles, places = representatives(self.places(epoch), members)
            target = self.place / "repr_particles" / f"latent_representative.{epoch}.txt"
            np.savetxt(target, places, fmt="%.8g")
            # A representative need not be among the particles that are drawn: its nearest one then.
            near = [int(np.abs(rows - particle).argmin()) for particle in particles]
            shown[epoch] = near
            self._volumes(epoch, places)
        self.plots.representatives(planes, shown, found.names)

    def _volumes(self, epoch: int, places: Array) -> None:
        folder = self.place / f"vols.{epoch}"
        if self.settings.skip_volumes:
            folder.mkdir()
            for k in range(len(places)):
                earlier = self._earlier(f"vols.{epoch}/vol_{k:03d}.mrc")
                (folder / earlier.name).write_bytes(earlier.read_bytes())
            return
        trained = self.folder.model(epoch, self.settings.device)
        tell = partial(self.reporter.progress, f"volumes of epoch {epoch}")
        write_volumes(trained, places.astype(np.float32), self.settings.volumes, folder, tell)

    def _map(self, epoch: int, k: int) -> Array:
        return read_map(self.place / f"vols.{epoch}" / f"vol_{k:03d}.mrc").data

    def _maps(self, found: Sketch) -> dict[str, Array]:
        """Heuristics 06 to 10: maps of the classes between epochs, among themselves, and with the truth."""
        epochs, m = self.epochs, len(found.maxima)
        first = self._map(epochs[0], 0)
        box = first.shape[0]
        successive = np.zeros((m, len(epochs) - 1))
        curves = np.zeros((m, len(epochs) - 1, box // 2 + 1))
        for k in range(m):
            self.reporter.progress("maps between epochs", k, m)
            before = self._map(epochs[0], k)
            for number, epoch in enumerate(epochs[1:]):
                now = self._map(epoch, k)
                mask = mask_of([before, now], self.settings.mask)
                successive[k, number] = correlation(before, now, mask)
                curves[k, number] = shells(before, now, mask)
                before = now
        truth_maps = [_fitting(path, box) for path in self.settings.ground_truth]
        among = np.zeros((len(epochs), m, m))
        truth = np.zeros((len(epochs), m, len(truth_maps)))
        for number, epoch in enumerate(epochs):
            self.reporter.progress("maps within an epoch", number, len(epochs))
            maps = [self._map(epoch, k) for k in range(m)]
            among[number] = correlations(maps, maps, mask_of(maps, self.settings.mask))
            for g, known in enumerate(truth_maps):
                mask = mask_of([known], self.settings.mask)
                truth[number, :, g] = correlations(maps, [known], mask)[:, 0]
        self.reporter.progress("maps within an epoch", len(epochs), len(epochs))
        write_pickles(self.place / "cc_masked.pkl", successive)
        write_pickles(self.place / "fsc_masked.pkl", curves)
        frequencies = np.arange(box // 2 + 1) / box
        write_pickles(self.place / "fsc_masked_frequencies.pkl", frequencies)
        write_pickles(self.place / "cc_masked_alltoall.pkl", among)
        # The decoder leaves the shell at Nyquist itself empty: the last one that it fills.
        nyquist = curves[:, :, -2]
        self.plots.maps(epochs, found.names, successive, curves, frequencies, nyquist, among)
        if truth_maps:
            write_pickles(self.place / "cc_masked_alltogroundtruth.pkl", truth)
            self.plots.truth(epochs, found.names, truth, [path.stem for path in self.settings.ground_truth])
        return {"successive": successive, "nyquist": nyquist, "all_to_all": among, "truth": truth}


def _two(places: Array) -> Array:
    """The first two coordinates, zeros where there is only one."""
    if places.shape[1] > 1:
        return np.ascontiguousarray(places[:, :2])
    return np.column_stack([places[:, 0], np.zeros(len(places), places.dtype)])


def _named(reporter: Reporter, name: str, what: str, done: int, of: int) -> None:
    reporter.progress(name + what, done, of)


def _fitting(path: Path, box: int) -> Array:
    """A known map in the box of the volumes.

    Raises
    ------
    UserError
        When it is smaller, or no cube.
    """
    from jobs.tomodrgn.analysis_figures import shrunk

    found = read_map(path, permissive=True).data
    if len(set(found.shape)) != 1 or found.shape[0] < box:
        raise UserError(f"a known map is a cube of at least {box} voxels, not {found.shape}", path=path)
    return shrunk(found, box)
