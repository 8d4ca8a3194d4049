"""The analysis of a latent space: its numbers, its files, and what happens to earlier results."""

from __future__ import annotations

import gzip
import json
import shutil
from pathlib import Path

import mrcfile
import numpy as np
import pytest
from matplotlib.figure import Figure as PlotFigure
from sklearn.cluster import KMeans
from sklearn.metrics import adjusted_rand_score

from jobs.core.errors import AbortRequested, UserError
from jobs.core.figures import Figure
from jobs.formats.pickles import read_pickles
from jobs.tomodrgn import commands
from jobs.tomodrgn.analysis_controls import read_losses
from jobs.tomodrgn.analysis_figures import shrunk
from jobs.tomodrgn.analysis_latent import groups, nearest_rows, pca, values_along
from jobs.tomodrgn.analysis_plots import save
from jobs.tomodrgn.analysis_staging import staged
from jobs.tomodrgn.analysis_steps import Analysis, AnalyzeSettings
from jobs.tomodrgn.analysis_umap import umap
from jobs.tomodrgn.analyze import analyze, resolve_epoch, run
from jobs.tomodrgn.eval_vol import VolumeOrder
from jobs.tomodrgn.old_folders import open_folder
from jobs.tomodrgn.params import TomoDrgnOptions
from jobs.tomodrgn.results import open_results
from tests.jobs.tomodrgn.conftest import context_of
from tests.support.fake_training import BOX, N_GROUPS, PIXEL_A, blobs, fake_training


class Told:
    """Remembers what it is told, and stops at a phase if asked to."""

    def __init__(self, stop: str = "") -> None:
        self.lines: list[str] = []
        self.phases: list[str] = []
        self.stop = stop

    def say(self, text: str) -> None:
        self.lines.append(text)

    def progress(self, what: str, done: int, of: int) -> None:
        if self.stop and what.startswith(self.stop):
            raise AbortRequested
        self.phases.append(what)


@pytest.fixture(scope="session")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A fake training of 60 particles in four groups."""
    folder = tmp_path_factory.mktemp("analyze") / "02_vae"
    fake_training(folder)
    return folder


@pytest.fixture(scope="session")
def analysis(made: Path) -> Analysis:
    """Its analysis with four groups; tests only read it."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("jobs.tomodrgn.analysis_plots._DPI", 30)  # all plots are drawn, but small
        return analyze(open_folder(made), AnalyzeSettings(ksample=N_GROUPS), Told())


@pytest.fixture
def blank_plots(monkeypatch: pytest.MonkeyPatch) -> None:
    """Leaves plots empty, for tests of everything else: `analysis` has drawn them all."""
    monkeypatch.setattr("matplotlib.figure.Figure.savefig", lambda _figure, path, **_: Path(path).touch())


def test_that_components_are_those_of_numpy() -> None:
    z, _ = blobs(200, 5)
    found = pca(z)
    centred = z.astype(np.float64) - z.mean(0)
    _, size, axes = np.linalg.svd(centred, full_matrices=False)
    np.testing.assert_allclose(found.variance, size**2 / 199, rtol=1e-6)
    np.testing.assert_allclose(np.abs(found.axes @ axes.T), np.eye(5), atol=1e-5)
    np.testing.assert_allclose(found.coordinates @ found.axes + found.mean, z, atol=1e-5)
    assert found.shares.sum() == pytest.approx(1)


def test_that_places_along_a_component_have_its_percentiles_and_nothing_else() -> None:
    found = pca(blobs(300, 4)[0])
    values = values_along(found.coordinates[:, 1], 10, (5, 95), percentiles=True)
    np.testing.assert_allclose(values, np.percentile(found.coordinates[:, 1], np.arange(5, 96, 10)))
    again = (found.along(1, values) - found.mean) @ found.axes.T
    np.testing.assert_allclose(again[:, 1], values, atol=1e-5)
    np.testing.assert_allclose(np.delete(again, 1, axis=1), 0, atol=1e-5)
    spaced = values_along(found.coordinates[:, 1], 10, (5, 95), percentiles=False)
    np.testing.assert_allclose(np.diff(spaced), (values[-1] - values[0]) / 9)


def test_that_groups_are_those_of_scikit_learn_with_neighbours_beside_each_other() -> None:
    z, truth = blobs(300, 4)
    found = groups(z, N_GROUPS, seed=0)
    reference = KMeans(N_GROUPS, n_init=4, random_state=0).fit(z.astype(np.float64))
    assert adjusted_rand_score(found.labels, reference.labels_) == 1
    assert adjusted_rand_score(found.labels, truth) == 1
    assert found.labels.dtype == np.int32
    distances = ((z[:, None] - found.means[None]) ** 2).sum(-1)
    np.testing.assert_array_equal(found.rows, distances.argmin(0))
    np.testing.assert_array_equal(found.labels, distances.argmin(1))
    np.testing.assert_array_equal(found.centres, z[found.rows])
    line = np.repeat(np.array([0.0, 10, 1, 11, 5])[:, None], 20, 0) + np.random.default_rng(0).normal(
        scale=0.01, size=(100, 1)
    )
    ordered = groups(line, 5, seed=0).means[:, 0]
    assert np.all(np.diff(ordered) > 0) or np.all(np.diff(ordered) < 0)


def test_that_nearest_particles_are_found_across_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("jobs.tomodrgn.analysis_latent._ROWS_AT_ONCE", 7)
    z = blobs(50, 3)[0]
    np.testing.assert_array_equal(nearest_rows(z, z[[3, 49, 20]] + 1e-4), [3, 49, 20])


def test_that_a_umap_keeps_groups_apart_and_is_the_same_again_also_fitted_to_a_part() -> None:
    z, truth = blobs(80, 4)
    whole, again = umap(z, seed=3), umap(z, seed=3)
    np.testing.assert_array_equal(whole, again)
    part = umap(z, seed=3, most=60)
    for plane in (whole, part):
        assert plane.shape == (80, 2) and plane.dtype == np.float32
        found = KMeans(N_GROUPS, n_init=10, random_state=0).fit_predict(plane)
        assert adjusted_rand_score(found, truth) > 0.9


def test_that_an_analysis_leaves_the_files_that_users_know(analysis: Analysis, made: Path) -> None:
    out = made / "analyze.2"
    assert analysis.out == out
    names = {str(path.relative_to(out)) for path in out.rglob("*")}
    wanted = {"model_loss.png", "umap.pkl", "z_pca_explainedvariance.png", "Heteroscope_analysis.ipynb"}
    wanted |= {f"z_{s}_{k}.png" for s in ("pca", "umap") for k in ("scatter", "hexbin")}
    wanted |= {"z_pca.png", "z_pca_hexbin.png", "umap.png", "umap_hexbin.png"}
    for pc in ("pc1", "pc2"):
        wanted |= {f"{pc}/vol_{i:03d}.mrc" for i in range(10)}
        wanted |= {f"{pc}/z_percentiles.txt", f"{pc}/z_values.txt", f"{pc}/z_umap_colorlatentpca.png"}
        wanted |= {f"{pc}/z_{s}_{k}_annotatepca.png" for s in ("pca", "umap") for k in ("scatter", "hexbin")}
    k = f"kmeans{N_GROUPS}"
    wanted |= {f"{k}/{name}" for name in ("labels.pkl", "centers.txt", "centers_ind.txt", "z_values.txt")}
    wanted |= {f"{k}/vol_{i:03d}.mrc" for i in range(N_GROUPS)}
    wanted |= {f"{k}/particle_images_kmeanslabel{i}.png" for i in range(N_GROUPS)}
    wanted |= {f"{k}/tomogram_label_distribution.png"}
    for stem in ("pca", "umap"):
        kinds = ["scatter_annotatekmeans", "hexbin_annotatekmeans"]
        kinds += ["scatter_colorkmeanslabel", "scatter_subplotkmeanslabel"]
        wanted |= {f"{k}/z_{stem}_{kind}.png" for kind in kinds}
    wanted |= {"controls/rlnDefocusU.png", "controls/rlnAngleRot.png"}
    assert wanted <= names
    # A column with one value for all tells nothing.
    assert "controls/rlnVoltage.png" not in names
    assert not list(made.glob(".*"))


def test_that_the_files_hold_what_was_found(analysis: Analysis, made: Path) -> None:
    out = analysis.out
    z = open_folder(made).latent()[0]
    (labels,) = read_pickles(out / "kmeans4/labels.pkl")
    assert labels.dtype.kind == "i" and labels.shape == (60,)
    rows = np.loadtxt(out / "kmeans4/centers_ind.txt", dtype=int)
    np.testing.assert_allclose(np.loadtxt(out / "kmeans4/centers.txt"), z[rows], rtol=1e-6)
    np.testing.assert_array_equal(labels[rows], range(4))
    (plane,) = read_pickles(out / "umap.pkl")
    assert plane.shape == (60, 2) and plane.dtype == np.float32
    places = np.loadtxt(out / "pc1/z_percentiles.txt")
    np.testing.assert_allclose(
        (places - analysis.pca.mean) @ analysis.pca.axes[0],
        np.percentile(analysis.pca.coordinates[:, 0], np.arange(5, 96, 10)),
        atol=1e-4,
    )
    trained = open_results(made)
    for name, place in (("pc1/vol_003.mrc", places[3]), ("kmeans4/vol_002.mrc", z[rows[2]])):
        with mrcfile.open(out / name) as volume:
            assert float(volume.voxel_size.x) == pytest.approx(PIXEL_A)
            np.testing.assert_allclose(volume.data, trained.volume(place), atol=1e-5)
    assert analysis.tomogram_counts is not None
    np.testing.assert_array_equal(
        analysis.tomogram_counts,
        [[np.sum((labels == k) & (np.arange(60) % 2 == t)) for t in (0, 1)] for k in range(4)],
    )


@pytest.mark.usefixtures("blank_plots")
def test_that_a_second_run_replaces_the_results_and_keeps_what_people_put_there(
    made: Path, tmp_path: Path
) -> None:
    job = tmp_path / "job"
    shutil.copytree(made, job, ignore=shutil.ignore_patterns("analyze.*"))
    folder = open_folder(job)
    few = AnalyzeSettings(ksample=3, skip_umap=True, skip_vol=True, n_pc=1)
    out = analyze(folder, few, Told()).out
    (out / "ind_keep.12_particles.pkl").write_bytes(b"mine")
    (out / "kmeans3" / "notes.txt").write_text("mine")
    second = AnalyzeSettings(ksample=2, skip_umap=True, skip_vol=True, n_pc=1, pc_ondata=True)
    analyze(folder, second, Told())
    assert (out / "ind_keep.12_particles.pkl").read_bytes() == b"mine"
    assert [p.name for p in (out / "kmeans3").iterdir()] == ["notes.txt"]
    assert (out / "kmeans2" / "labels.pkl").exists()
    rows = np.loadtxt(out / "pc1/z_percentiles_ind.txt", dtype=int)
    np.testing.assert_allclose(
        np.loadtxt(out / "pc1/z_values.txt"), folder.latent()[0][rows], rtol=1e-5, atol=1e-6
    )


@pytest.mark.usefixtures("blank_plots")
def test_that_an_interrupted_run_leaves_the_old_results(made: Path, tmp_path: Path) -> None:
    job = tmp_path / "job"
    shutil.copytree(made, job, ignore=shutil.ignore_patterns("analyze.*"))
    folder = open_folder(job)
    settings = AnalyzeSettings(ksample=3, skip_umap=True, skip_vol=True, n_pc=1)
    out = analyze(folder, settings, Told()).out
    before = {path: path.read_bytes() for path in out.rglob("*") if path.is_file()}
    with pytest.raises(AbortRequested):
        analyze(folder, AnalyzeSettings(ksample=5, skip_umap=True, n_pc=1), Told(stop="volumes"))
    assert {path: path.read_bytes() for path in out.rglob("*") if path.is_file()} == before
    assert sorted(path.name for path in job.iterdir() if path.name.startswith(".")) == []


def test_that_what_a_killed_run_left_is_put_right(tmp_path: Path) -> None:
    target = tmp_path / "analyze.1"
    with staged(target) as place:
        (place / "a").write_text("old")
    target.replace(tmp_path / ".analyze.1.old")  # killed between two renames
    (tmp_path / ".analyze.1.0123.tmp").mkdir()  # killed while computing
    with pytest.raises(KeyError), staged(target):
        raise KeyError
    assert [p.name for p in tmp_path.iterdir()] == ["analyze.1"]
    assert (target / "a").read_text() == "old"


@pytest.mark.usefixtures("blank_plots")
@pytest.mark.parametrize("zdim", [1, 2])
def test_that_small_latent_spaces_have_no_umap(zdim: int, tmp_path: Path) -> None:
    fake_training(tmp_path / "job", zdim=zdim, epochs=1, count=40)
    settings = AnalyzeSettings(ksample=2, volumes=VolumeOrder(box=4))
    found = analyze(open_folder(tmp_path / "job"), settings, Told())
    names = {path.name for path in found.out.iterdir()}
    assert found.umap is None and "umap.pkl" not in names
    assert ({"z.png", "z_hist.png"} <= names) == (zdim == 1)
    assert ("z_pca_scatter.png" in names) == (zdim == 2)
    assert {f"pc{k + 1}" for k in range(zdim)} <= names and "pc3" not in names
    assert (found.out / "controls" / "rlnDefocusU.png").exists()
    with mrcfile.open(found.out / "pc1" / "vol_009.mrc") as volume:
        assert volume.data.shape == (4, 4, 4)
        assert float(volume.voxel_size.x) == pytest.approx(PIXEL_A * BOX / 4)


@pytest.mark.usefixtures("blank_plots")
def test_that_an_analysis_goes_without_particles_that_are_not_there(tmp_path: Path) -> None:
    fake_training(tmp_path / "job", epochs=1)
    (tmp_path / "job" / "particles.star").unlink()
    told = Told()
    settings = AnalyzeSettings(ksample=2, skip_umap=True, skip_vol=True)
    found = analyze(open_folder(tmp_path / "job"), settings, told)
    assert found.tomogram_counts is None and not (found.out / "controls").exists()
    assert any("Without columns and images" in line for line in told.lines)


def test_that_epochs_are_found_by_number_and_latest_and_final(made: Path, tmp_path: Path) -> None:
    folder = open_folder(made)
    assert resolve_epoch(folder, None) == (2, 2)
    assert resolve_epoch(folder, 1) == (1, 1)
    assert resolve_epoch(folder, -1) == (2, None)
    with pytest.raises(UserError, match="epoch 7"):
        resolve_epoch(folder, 7)


def test_that_losses_are_read_in_both_generations_words(tmp_path: Path) -> None:
    lines = [
        "# =====> Epoch: 1 Average gen loss = 1.5, KLD = 3.5, total loss = 1.6; Finished in 0:00:01.0",
        "# =====> Epoch: 2 Average gen loss = 9, KLD = 9, total loss = 9; Finished in 0:00:01.0",
        "2020 # =====> Epoch: 2 Average gen loss = 1.25, KLD = 4, total loss = 1.3; Finished in 0:00:01.0",
    ]
    (tmp_path / "run.log").write_text("\n".join(lines))
    found = read_losses(tmp_path)
    assert found["epoch"].tolist() == [0, 1]
    assert found["reconstruction"].tolist() == [1.5, 1.25] and found["total"].tolist() == [1.6, 1.3]
    assert len(read_losses(tmp_path / "nowhere")["epoch"]) == 0


def test_that_the_notebook_runs_where_it_stands(
    analysis: Analysis, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    notebook = json.loads((analysis.out / "Heteroscope_analysis.ipynb").read_text())
    assert (notebook["nbformat"], notebook["metadata"]["kernelspec"]["name"]) == (4, "python3")
    monkeypatch.chdir(analysis.out)
    names: dict[str, object] = {}
    for cell in notebook["cells"]:
        if cell["cell_type"] == "code":
            exec("".join(cell["source"]), names)
    assert names["volume"].shape == (BOX,) * 3  # type: ignore[attr-defined]
    np.testing.assert_array_equal(names["labels"], analysis.groups.labels)
    assert "rlnDefocusU" in names["columns"]  # type: ignore[operator]
    assert Path.cwd() == analysis.out and not capsys.readouterr().err


def test_that_scripts_open_what_was_found(analysis: Analysis, made: Path, tmp_path: Path) -> None:
    found = open_results(analysis.out)
    assert found.epoch == 2 and found.group_counts == [4]
    np.testing.assert_array_equal(found.latent, open_folder(made).latent()[0])
    np.testing.assert_array_equal(found.labels_of(4), analysis.groups.labels)
    assert found.umap is not None and found.pixel_size_a == PIXEL_A
    np.testing.assert_allclose(found.metadata["rlnCtfBfactor"], -12.0)
    assert found.volume(found.latent[0], box=4).shape == (4, 4, 4)
    path = found.save_indices(tmp_path / "ind.pkl", found.labels == 1)
    np.testing.assert_array_equal(read_pickles(path)[0], np.flatnonzero(found.labels == 1))
    path = found.save_latent(tmp_path / "z.txt", [3, 5])
    np.testing.assert_allclose(np.loadtxt(path), found.latent[[3, 5]], rtol=1e-6)
    with pytest.raises(UserError, match="k-means"):
        found.labels_of(7)


def test_that_plots_are_written_as_compressed_drawings_too(tmp_path: Path) -> None:
    figure = PlotFigure()
    figure.add_subplot().plot([1, 2, 3])
    save(figure, tmp_path / "a.svgz")
    assert b"<svg" in gzip.decompress((tmp_path / "a.svgz").read_bytes())


@pytest.mark.usefixtures("any_device", "blank_plots")
@pytest.mark.parametrize("words", ["1", "--epoch 1"])
def test_that_the_command_takes_an_epoch_in_both_generations_ways(
    words: str, made: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    more = f"-o {tmp_path / 'out'} --skip-umap --ksample 2 --pc 1 -d 4 --Apix 3.5 --gpu-id cpu"
    more += " --pc-spacing equal --plot-format svgz"
    assert commands.main(["analyze", str(made), *words.split(), *more.split()]) == 0
    assert capsys.readouterr().out.strip() == str(tmp_path / "out")
    assert (tmp_path / "out" / "z_pca_scatter.svgz").exists()
    places = np.loadtxt(tmp_path / "out" / "pc1" / "z_values.txt")
    assert np.ptp(np.diff(places, axis=0), axis=0).max() < 1e-4
    with mrcfile.open(tmp_path / "out" / "kmeans2" / "vol_001.mrc") as volume:
        assert float(volume.voxel_size.x) == pytest.approx(3.5)


@pytest.mark.usefixtures("any_device")
@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["5"], "epoch 5"),
        (["x"], "not 'x'"),
        (["1", "--epoch", "2"], "two epochs"),
        (["--ksmple", "3"], "--ksample"),
    ],
)
def test_that_wrong_usage_of_the_command_is_told(
    words: list[str], told: str, made: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert commands.main(["analyze", str(made), *words]) == 2
    assert told in capsys.readouterr().err


@pytest.mark.usefixtures("blank_plots")
def test_that_the_task_shows_its_results_in_the_window(made: Path, tmp_path: Path) -> None:
    job = tmp_path / "TomoDRGN" / "job001"
    shutil.copytree(made, job, ignore=shutil.ignore_patterns("analyze.*"))
    options = TomoDrgnOptions(
        fn_star=str(job / "particles.star"), zdim=4, do_analyze=True, analyze_umap=False, analyze_groups=3
    )
    context = context_of(tmp_path, "TomoDRGN/job001/", options, "analyze")
    run(context)
    context.metrics.close()
    figures = {p.stem: Figure.from_json(p.read_text()) for p in (job / "snapshots").glob("*.json")}
    assert set(figures) == {
        *(
            "analyze_0_particles",
            "analyze_a_variance",
            "analyze_b_groups",
            "analyze_c_tomograms",
            "analyze_maps",
        ),
    }
    facts = {fact.title: fact.value for figure in figures.values() for fact in figure.facts}
    assert facts["Particles"] == "60" and facts["Epoch analysed"] == "2"
    cloud = figures["analyze_0_particles"]
    points = np.load(job / "snapshots" / f"{cloud.arrays[0]}.npy")
    columns = [series.name for series in cloud.series]
    assert points.shape == (60, len(columns)) and (cloud.x_title, cloud.colour) == ("PC1", "group")
    labels = read_pickles(job / "analyze.2" / "kmeans3" / "labels.pkl")[0]
    np.testing.assert_array_equal(points[:, columns.index("group")], labels)
    assert len(np.load(job / "snapshots" / f"{cloud.arrays[1]}.npy")) == 60
    maps = figures["analyze_maps"]
    assert [series.name for series in maps.series] == ["group 0", "group 1", "group 2"]
    shown = np.load(job / "snapshots" / f"{maps.arrays[1]}.npy")
    with mrcfile.open(job / "analyze.2" / "kmeans3" / "vol_001.mrc") as volume:
        np.testing.assert_array_equal(shown, volume.data)


def test_that_large_maps_are_shown_in_fewer_voxels() -> None:
    axis = np.arange(16) - 8
    radius = sum(np.meshgrid(axis**2, axis**2, axis**2))
    small = shrunk(np.exp(-radius / 18).astype(np.float32), 8)
    axis = 2 * (np.arange(8) - 4)
    radius = sum(np.meshgrid(axis**2, axis**2, axis**2))
    np.testing.assert_allclose(small, np.exp(-radius / 18), atol=2e-2)


@pytest.mark.usefixtures("any_device", "blank_plots")
def test_that_a_real_training_is_analysed_and_compared(trained: Path, tmp_path: Path) -> None:
    more = f"--skip-umap --ksample 3 --pc 1 -d 16 -o {tmp_path / 'a'} --gpu-id cpu"
    assert commands.main(["analyze", str(trained), *more.split()]) == 0
    with mrcfile.open(tmp_path / "a" / "kmeans3" / "vol_002.mrc") as volume:
        assert volume.data.shape == (16, 16, 16)
        assert float(volume.voxel_size.x) == pytest.approx(26.2, abs=1e-3)
    assert (tmp_path / "a" / "kmeans3" / "particle_images_kmeanslabel2.png").exists()
    more = f"--epoch-interval 1 --n-bins 5 -d 16 -o {tmp_path / 'c'} --gpu-id cpu --final-maxima 2"
    assert commands.main(["convergence_vae", str(trained), *more.split()]) == 0
    assert "Whether" in (tmp_path / "c" / "summary.txt").read_text()
