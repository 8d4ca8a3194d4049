"""Heuristics of convergence against slow loops of numpy, their files, and the tasks."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
import torch

from jobs.core.errors import AbortRequested, UserError
from jobs.core.figures import Figure
from jobs.formats.mrc import read_map, write_map
from jobs.formats.pickles import read_pickles
from jobs.maths.fsc import fsc
from jobs.tomodrgn import commands, convergence_task, convergence_vae
from jobs.tomodrgn.convergence_latent import divergence, last_steps, representatives, shifts
from jobs.tomodrgn.convergence_nn import convergence_nn
from jobs.tomodrgn.convergence_settings import Convergence, ConvergenceSettings
from jobs.tomodrgn.convergence_sketch import SketchOrder, letters, sketch
from jobs.tomodrgn.convergence_vae import epochs_to_compare
from jobs.tomodrgn.old_folders import open_folder
from jobs.tomodrgn.outputs import latent_path, read_latent, write_latent
from jobs.tomodrgn.params import TomoDrgnOptions
from jobs.tomodrgn.volume_space import MaskOrder, mask_of
from tests.jobs.tomodrgn.conftest import context_of
from tests.support.fake_training import BOX, PIXEL_A, fake_homogeneous, fake_training


class Told:
    """Remembers what it is told, and stops at a phase if asked to."""

    def __init__(self, stop: str = "") -> None:
        self.lines: list[str] = []
        self.stop = stop

    def say(self, text: str) -> None:
        self.lines.append(text)

    def progress(self, what: str, done: int, of: int) -> None:
        if self.stop and what.startswith(self.stop):
            raise AbortRequested


def flat(z: np.ndarray, *_: object) -> np.ndarray:
    """Stands in for a UMAP, which is asked elsewhere."""
    return np.ascontiguousarray(z[:, :2] + 0.1 * z[:, 2:4])


@pytest.fixture(scope="session")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A fake training of six epochs, places of held-out images included."""
    folder = tmp_path_factory.mktemp("convergence") / "02_vae"
    fake_training(folder, epochs=6, count=80)
    for epoch in range(6):
        mean, width = read_latent(latent_path(folder, epoch))
        latent_path(folder, epoch).rename(latent_path(folder, epoch, "train"))
        write_latent(latent_path(folder, epoch, "test"), mean + 0.1, width if width is not None else mean)
    truth = np.random.default_rng(0).normal(size=(BOX,) * 3).astype(np.float32)
    write_map(folder / "truth_1.mrc", truth, PIXEL_A)
    return folder


SETTINGS = ConvergenceSettings(
    interval=2, subset=60, sketch=SketchOrder(bins=12, final=3, radius=2, pruned=4), n_test=5
)


@pytest.fixture(scope="session")
def found(made: Path) -> Convergence:
    """Its heuristics; tests only read them."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(convergence_vae, "umap", flat)
        settings = ConvergenceSettings(**{**SETTINGS.__dict__, "ground_truth": (made / "truth_1.mrc",)})
        return convergence_vae.convergence_vae(open_folder(made), settings, Told())


def test_that_steps_are_those_of_a_slow_loop() -> None:
    rng = np.random.default_rng(1)
    z = rng.normal(size=(5, 20, 3))
    expected = []
    for e in range(3):
        products, lengths, turns = [], [], []
        for p in range(20):
            a, b = z[e + 1, p] - z[e, p], z[e + 2, p] - z[e + 1, p]
            products.append(np.dot(a, b))
            lengths.append(np.sqrt(np.dot(b, b)))
            turns.append(1 - np.dot(a, b) / np.sqrt(np.dot(a, a) * np.dot(b, b)))
        expected.append([np.median(products), np.median(lengths), np.median(turns)])
    np.testing.assert_allclose(shifts(lambda e: z[e], range(5)), expected)
    np.testing.assert_allclose(last_steps(lambda e: z[e], range(5))[1:], np.array(expected)[:, 1])
    assert shifts(lambda e: z[e], range(2)).shape == (0, 3)
    assert shifts(lambda e: z[0], range(3))[0, 2] == 1


def test_that_divergences_are_those_of_torch() -> None:
    rng = np.random.default_rng(2)
    m, v, n, w = rng.normal(size=(4, 7, 3))

    def normal(mean: np.ndarray, log_variance: np.ndarray) -> torch.distributions.Distribution:
        return torch.distributions.Normal(torch.from_numpy(mean), torch.from_numpy(np.exp(log_variance / 2)))

    expected = torch.distributions.kl_divergence(normal(m, v), normal(n, w)).sum(1)
    np.testing.assert_allclose(divergence(m, v, n, w), expected.numpy())


def test_that_representatives_are_the_particles_nearest_to_medians() -> None:
    z = np.random.default_rng(3).normal(size=(50, 4)).astype(np.float32)
    members = [np.arange(10), np.arange(20, 45)]
    rows, places = representatives(z, members)
    for row, group in zip(rows, members, strict=True):
        assert row == np.linalg.norm(z - np.median(z[group], axis=0), axis=1).argmin()
    np.testing.assert_array_equal(places, z[rows])


def test_that_crowded_places_are_the_middles_of_blobs() -> None:
    rng = np.random.default_rng(4)
    middles = np.array([[0, 0], [10, 0], [0, 10], [10, 10]], float)
    counts = (400, 300, 200, 100)
    plane = np.concatenate(
        [m + rng.normal(scale=0.7, size=(n, 2)) for m, n in zip(middles, counts, strict=True)]
    )
    got = sketch(plane, SketchOrder(width=1.5, pruned=4, radius=8))
    assert got.names == ["A", "B", "C", "D"]
    np.testing.assert_allclose(got.centres, middles, atol=1.0)
    for k, rows in enumerate(got.members):
        group = np.repeat(np.arange(4), counts)[rows]
        assert set(group.tolist()) == {k}
    # Sigma is in bins: the same picture in other units gives the same bins.
    np.testing.assert_array_equal(
        sketch(1000 * plane, SketchOrder(width=1.5, pruned=4, radius=8)).maxima, got.maxima
    )


def test_that_maxima_are_strict_and_the_lower_of_a_close_pair_is_dropped() -> None:
    plane = np.repeat(np.array([[0.5, 0.5], [2.5, 0.5], [9.5, 9.5], [0.5, 9.5]]), (9, 5, 7, 3), axis=0)
    order = SketchOrder(bins=10, smooth=False, pruned=2, radius=3, final=10)
    edges = np.concatenate([plane, [[0, 0], [10, 10]]])
    got = sketch(edges, order)
    # The pair two bins apart loses its lower; the others are too far apart to be pruned.
    assert got.maxima.tolist() == [[0, 0], [9, 9], [0, 9]]
    assert [letters(k) for k in (0, 25, 26, 27)] == ["A", "Z", "AA", "AB"]


def test_that_epochs_are_those_of_the_interval_and_the_last() -> None:
    assert epochs_to_compare(list(range(13)), 5) == [0, 5, 10, 12]
    assert epochs_to_compare([1, 3, 5, 7, 9], 5) == [5, 9]
    assert epochs_to_compare([0], 5) == [0]


def test_that_heuristics_leave_the_files_that_users_know(found: Convergence, made: Path) -> None:
    out = made / "convergence.5"
    assert found.out == out
    names = {str(path.relative_to(out)) for path in out.rglob("*")}
    m = len(found.series.names)
    wanted = {"vector_metrics.pkl", "cc_masked.pkl", "fsc_masked.pkl", "fsc_masked_frequencies.pkl"}
    wanted |= {"cc_masked_alltoall.pkl", "cc_masked_alltogroundtruth.pkl", "umaps/ind_subset.pkl"}
    wanted |= {"summary.txt"}
    for e in (0, 2, 4, 5):
        wanted |= {f"pcs/pc.{e}.pkl", f"umaps/umap.{e}.pkl", f"convergence_latent_kld.{e}.pkl"}
        wanted |= {f"repr_particles/latent_representative.{e}.txt"}
        wanted |= {f"plots/09_pairwise_CC_matrix_epoch-{e}.png"}
        wanted |= {f"vols.{e}/vol_{k:03d}.mrc" for k in range(m)}
        kinds = ("sel", "testtrain_correlation", "testtest_scale")
        wanted |= {f"convergence_volumes_{kind}.{e}.pkl" for kind in kinds}
    wanted |= {
        f"plots/{name}.png"
        for name in (
            *("00_total_loss", "01_encoder_pcs", "02_encoder_umaps", "03_encoder_latent_vector_shifts"),
            *("04_decoder_UMAP-sketching", "05_decoder_maxima-sketch-consistency", "06_decoder_CC"),
            *("07_decoder_FSC", "08_decoder_FSC-nyquist", "10_decoder_CC-groundtruth"),
        )
    }
    assert wanted <= names
    assert read_pickles(out / "vector_metrics.pkl")[0].shape == (4, 3)
    assert read_pickles(out / "pcs/pc.2.pkl")[0].shape == (80, 4)
    assert read_pickles(out / "umaps/ind_subset.pkl")[0].shape == (60,)
    assert read_pickles(out / "umaps/umap.5.pkl")[0].shape == (60, 2)
    assert read_pickles(out / "cc_masked_alltogroundtruth.pkl")[0].shape == (4, m, 1)
    assert (out / "summary.txt").read_text().startswith("The training is")


def test_that_maps_are_compared_as_numpy_and_the_house_do(found: Convergence, made: Path) -> None:
    out = found.out
    (cc,), (curves,) = read_pickles(out / "cc_masked.pkl"), read_pickles(out / "fsc_masked.pkl")
    (among,) = read_pickles(out / "cc_masked_alltoall.pkl")
    epochs, m = (0, 2, 4, 5), len(found.series.names)
    assert cc.shape == (m, 3) and curves.shape == (m, 3, BOX // 2 + 1) and among.shape == (4, m, m)
    maps = {e: [read_map(out / f"vols.{e}/vol_{k:03d}.mrc").data for k in range(m)] for e in epochs}
    for k in range(m):
        for i in range(3):
            a, b = maps[epochs[i]][k], maps[epochs[i + 1]][k]
            mask = mask_of([a, b], MaskOrder())
            assert mask is not None
            expected = np.corrcoef((a * mask).ravel().astype(float), (b * mask).ravel().astype(float))[0, 1]
            assert cc[k, i] == pytest.approx(expected, abs=1e-6)
            pair = (torch.from_numpy((v * mask).astype(np.float64)) for v in (a, b))
            np.testing.assert_allclose(curves[k, i], fsc(*pair).numpy(), atol=1e-5)
    np.testing.assert_allclose(among[:, range(m), range(m)], 1)
    np.testing.assert_allclose(found.series.nyquist, curves[:, :, BOX // 2 - 1])
    (frequencies,) = read_pickles(out / "fsc_masked_frequencies.pkl")
    np.testing.assert_allclose(frequencies, np.arange(BOX // 2 + 1) / BOX)
    places = np.loadtxt(out / "repr_particles/latent_representative.4.txt", ndmin=2)
    z = read_latent(latent_path(made, 4, "train"))[0]
    assert all(np.abs(z - place).sum(1).min() < 1e-4 for place in places)
    trained = open_folder(made).model(4)
    decoded = trained.volumes(torch.from_numpy(places.astype(np.float32))).numpy()
    np.testing.assert_allclose(decoded, maps[4], atol=1e-5)


def test_that_held_out_images_are_compared(found: Convergence) -> None:
    (apart,) = read_pickles(found.out / "convergence_latent_kld.4.pkl")
    # Places 0.1 apart in four dimensions of variance exp(-2).
    np.testing.assert_allclose(apart, 0.5 * 4 * 0.01 * np.exp(2), rtol=1e-3)
    np.testing.assert_allclose(found.series.held_out, np.log(np.percentile(apart, 90)), rtol=1e-2)
    assert read_pickles(found.out / "convergence_volumes_sel.4.pkl")[0].shape == (5,)
    agreement = read_pickles(found.out / "convergence_volumes_testtrain_correlation.4.pkl")[0]
    assert agreement.shape == (5,) and np.all((agreement >= 0) & (agreement <= 0.5))
    assert read_pickles(found.out / "convergence_volumes_testtest_scale.4.pkl")[0] >= 0


def test_that_a_second_run_takes_up_umaps_and_volumes_and_an_interrupted_one_changes_nothing(
    made: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(convergence_vae, "umap", flat)
    job = tmp_path / "job"
    shutil.copytree(made, job, ignore=shutil.ignore_patterns("convergence.*"))
    folder = open_folder(job)
    settings = ConvergenceSettings(**{**SETTINGS.__dict__, "epoch": 2, "n_test": 0})
    again = ConvergenceSettings(**{**settings.__dict__, "skip_umap": True, "skip_volumes": True})
    with pytest.raises(UserError, match="no earlier result"):
        convergence_vae.convergence_vae(folder, again, Told())
    out = convergence_vae.convergence_vae(folder, settings, Told()).out
    before = {path: path.read_bytes() for path in sorted(out.rglob("*.pkl"))}
    monkeypatch.setattr(convergence_vae, "umap", None)
    monkeypatch.setattr(convergence_vae, "write_volumes", None)
    assert convergence_vae.convergence_vae(folder, again, Told()).out == out
    assert {path: path.read_bytes() for path in sorted(out.rglob("*.pkl"))} == before
    with pytest.raises(AbortRequested):
        convergence_vae.convergence_vae(folder, again, Told(stop="maps"))
    assert {path: path.read_bytes() for path in sorted(out.rglob("*.pkl"))} == before


@pytest.mark.usefixtures("any_device")
def test_that_the_command_of_the_users_document_says_what_it_found(
    made: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(convergence_vae, "umap", flat)
    words = f"convergence_vae {made} 3 --epoch-interval 3 -o {tmp_path / 'c'} --n-bins 12 --final-maxima 2"
    words += (
        f" --subset None --smooth False --n-test 0 -d 4 --thresh 98 --cuda cpu --ground-truth {made}/truth*"
    )
    assert commands.main(words.split()) == 0
    told = capsys.readouterr()
    assert told.out.strip() == str(tmp_path / "c")
    assert "overfitting" in told.err and "The training is" in told.err
    assert commands.main(["convergence_vae", str(made), "--subset", "some"]) == 2
    assert "--subset" in capsys.readouterr().err


def test_that_one_epoch_and_few_dimensions_are_enough(tmp_path: Path) -> None:
    for zdim in (1, 2):
        job = tmp_path / f"job{zdim}"
        fake_training(job, zdim=zdim, epochs=1, count=40)
        settings = ConvergenceSettings(sketch=SketchOrder(final=2), n_test=0)
        got = convergence_vae.convergence_vae(open_folder(job), settings, Told())
        assert got.verdict.converged is None and got.series.successive.shape[1] == 0
        assert "cannot be told" in (got.out / "summary.txt").read_text()


def test_that_a_homogeneous_training_is_compared_with_its_reference(tmp_path: Path) -> None:
    truth = fake_homogeneous(tmp_path / "nn", epochs=4)
    (tmp_path / "nn" / "reconstruct.2.mrc").unlink()  # not every epoch was kept
    write_map(tmp_path / "ref.mrc", truth, 1.0)
    for _ in range(2):
        got = convergence_nn(tmp_path / "nn", tmp_path / "ref.mrc", Told(), mask=MaskOrder("none"))
    out = tmp_path / "nn" / "convergence.3"
    assert got.out == out and got.epochs == [0, 1, 3]
    kinds = ("fsc0.143resolution", "fsc0.5resolution", "fsc0.143integral", "fullfsc_all", "fullfsc_final")
    assert {f"convergence_nn_{kind}.png" for kind in kinds} <= {path.name for path in out.iterdir()}
    frequencies, curves = read_pickles(out / "freqs_fscs.pkl")
    assert frequencies.shape == (8,) and curves.shape == (3, 8)
    volume = read_map(tmp_path / "nn" / "reconstruct.1.mrc").data
    expected = fsc(torch.from_numpy(volume).double(), torch.from_numpy(truth).double())[1:]
    np.testing.assert_allclose(curves[1], expected.numpy(), atol=1e-6)
    assert np.all(np.diff(got.integral) > 0) and "agreement" in got.sentence
    with_mean = convergence_nn(
        tmp_path / "nn", tmp_path / "ref.mrc", Told(), include_dc=True, max_epoch=1, out=tmp_path / "dc"
    )
    assert with_mean.curves.shape == (2, 9) and with_mean.epochs == [0, 1]
    write_map(tmp_path / "small.mrc", truth[:8, :8, :8], 1.0)
    with pytest.raises(UserError, match="same box"):
        convergence_nn(tmp_path / "nn", tmp_path / "small.mrc", Told())


def test_that_overfitting_to_a_reference_is_told(tmp_path: Path) -> None:
    truth = fake_homogeneous(tmp_path / "nn", epochs=3)
    shutil.copy(tmp_path / "nn" / "reconstruct.0.mrc", tmp_path / "nn" / "reconstruct.3.mrc")
    write_map(tmp_path / "ref.mrc", truth, PIXEL_A)
    words = ["convergence_nn", str(tmp_path / "nn"), str(tmp_path / "ref.mrc"), "--fsc-mask", "None"]
    assert commands.main(words) == 0
    assert "a sign of overfitting" in (tmp_path / "nn" / "convergence.3" / "summary.txt").read_text()


def test_that_the_task_shows_key_figures_for_either_kind_of_model(
    made: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(convergence_vae, "umap", flat)
    vae, nn = tmp_path / "TomoDRGN" / "job001", tmp_path / "TomoDRGN" / "job002"
    shutil.copytree(made, vae, ignore=shutil.ignore_patterns("convergence.*", "z.*.test.pkl"))
    write_map(tmp_path / "ref.mrc", fake_homogeneous(nn), PIXEL_A)
    facts: dict[str, dict[str, str]] = {}
    for job, values in (
        (vae, {"zdim": 4}),
        (nn, {"model_kind": "train_nn", "convergence_reference": "ref.mrc"}),
    ):
        options = TomoDrgnOptions(
            fn_star="p.star",
            do_convergence=True,
            convergence_interval=3,
            **values,
        )
        context = context_of(tmp_path, f"TomoDRGN/{job.name}/", options, "convergence")
        convergence_task.run(context)
        context.metrics.close()
        figures = [Figure.from_json(p.read_text()) for p in sorted((job / "snapshots").glob("*.json"))]
        assert all(figure.task == "convergence" for figure in figures) and len(figures) >= 2
        facts[job.name] = {fact.title: fact.value for figure in figures for fact in figure.facts}
    assert set(facts["job001"]) == {"Training done", "Overfitting", "Reproducible classes"}
    assert facts["job002"]["Best epoch"] == "2"
