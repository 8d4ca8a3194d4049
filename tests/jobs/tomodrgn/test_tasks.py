"""Every task of a job, one after the other, on an optimisation set of WarpTools; resumption after a kill."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import mrcfile
import numpy as np
import pytest
import torch

from jobs.formats.mrc import read_map
from jobs.formats.pickles import write_pickles
from jobs.formats.star import read_star_tables
from jobs.formats.tilt_series import read_tilt_particles
from jobs.tomodrgn import train
from jobs.tomodrgn.old_folders import open_folder
from jobs.tomodrgn.outputs import read_latent
from jobs.tomodrgn.params import TomoDrgnOptions
from tests.jobs.tomodrgn.conftest import context_of, run_task, small_options

pytestmark = pytest.mark.usefixtures("in_process")

NAME = "TomoDRGN/job001/"
SET = "warptools_test_4-tomos_10-ptcls_box-32_angpix-12"


@dataclass(frozen=True)
class Job:
    """A trained job in a project of its own, and the options it was trained with."""

    project: Path
    shared: Path

    @property
    def path(self) -> Path:
        return self.project / NAME

    def options(self, **changed: object) -> TomoDrgnOptions:
        """Options of the job, some changed, as a form that is continued has them."""
        values: dict[str, object] = {
            "fn_star": str(self.shared / "data/tomodrgn" / f"{SET}_optimisation_set.star"),
            "datadir": "",
            "contrast": "auto",
            "do_consensus": True,
            "pooling_function": "max",
            "use_first_nptcls": 12,
            "l_dose_mask": True,
            "recon_dose_weight": True,
            "recon_tilt_weight": True,
        }
        return small_options(self.shared, **{**values, **changed})

    def outputs(self) -> dict[str, str]:
        """Declared results of the last run, with their labels."""
        (table,) = read_star_tables(self.path / "RELION_OUTPUT_NODES.star").values()
        names, labels = (table.text(f"rlnPipeLineNode{end}").tolist() for end in ("Name", "TypeLabel"))
        return dict(zip(names, labels, strict=True))


@pytest.fixture(scope="module")
def job(tmp_path_factory: pytest.TempPathFactory, shared: Path) -> Job:
    """The trained job; further runs add to it."""
    job = Job(tmp_path_factory.mktemp("tasks"), shared)
    context = context_of(job.project, NAME, job.options())
    train.run(context)
    context.metrics.close()
    context.folder.write_output_nodes(context.outputs)
    return job


def test_that_an_optimisation_set_is_trained_on(job: Job) -> None:
    assert "Protein is white: images are taken as they are" in (job.path / "run.log").read_text()
    assert read_latent(job.path / "z.pkl")[0].shape == (12, 3)
    assert open_folder(job.path).epochs == [0, 1]
    written = job.path / f"{SET}_optimisation_set_tomodrgn_preprocessed.star"
    particles = read_tilt_particles(written, job.project)
    assert particles.n == 12
    whole = read_tilt_particles(job.options().fn_star)
    assert particles.counts.tolist() == whole.counts[:12].tolist()
    assert particles.stacks[0].samefile(whole.stacks[0])


def test_that_volumes_are_made_in_a_further_run(job: Job) -> None:
    options = job.options(
        do_eval_vol=True, epoch=0, z_start="-1 0 0", z_end="1 0 0", n_volumes=3, vol_lowpass=60
    )
    assert run_task(job.project, NAME, options, "eval_vol") == 0
    out = job.path / "volumes.002"
    assert sorted(p.name for p in out.glob("*.mrc")) == [f"vol_00{i}.mrc" for i in range(3)]
    np.testing.assert_allclose(np.loadtxt(out / "z_values.txt")[:, 0], [-1, 0, 1])
    with mrcfile.open(out / "vol_001.mrc") as volume:
        assert float(volume.voxel_size.x) == pytest.approx(12.0, abs=1e-3)
        power = np.abs(np.fft.fftn(volume.data))
    k = np.linalg.norm(np.stack(np.meshgrid(*[np.fft.fftfreq(32, 12.0)] * 3, indexing="ij")), axis=0)
    assert power[k > 1 / 58].max() < 1e-3 * power.max()


def test_that_images_are_embedded_in_a_further_run(job: Job) -> None:
    assert run_task(job.project, NAME, job.options(do_eval_images=True), "eval_images") == 0
    (out,) = job.path.glob("embedded.*")
    found, expected = read_latent(out / "z.pkl")[0], read_latent(job.path / "z.pkl")[0]
    np.testing.assert_allclose(found, expected, atol=2e-3 * np.abs(expected).max())
    whole = job.options(do_eval_images=True, fn_embed=job.options().fn_star)
    assert run_task(job.project, NAME, whole, "eval_images") == 0
    every = read_latent(sorted(job.path.glob("embedded.*"))[-1] / "z.pkl")[0]
    assert every.shape == (40, 3)
    np.testing.assert_allclose(every[:12], found, atol=2e-3 * np.abs(expected).max())


def test_that_particles_are_backprojected_in_a_further_run(
    job: Job, capfd: pytest.CaptureFixture[str]
) -> None:
    options = job.options(do_backproject=True, use_first_nptcls=-1, backproject_flip=True)
    assert run_task(job.project, NAME, options, "backproject") == 0
    out = capfd.readouterr().out
    assert out.count("Protein is white") == 1
    made = read_map(job.path / "backprojection/map.mrc").data
    given = read_map(
        job.shared / "data/tomodrgn/warptools_test_box-32_angpix-12_reconstruct.mrc", permissive=True
    )
    # 40 particles, of a map made from many: the original reaches 0.12.
    assert np.corrcoef(made.ravel(), given.data.ravel())[0, 1] > 0.12
    labels = job.outputs()
    assert labels[f"{NAME}backprojection/map_half1.mrc"].endswith("halfmap.tomodrgn")


def test_that_a_selection_is_written_in_a_further_run_in_every_form(job: Job) -> None:
    write_pickles(job.project / "ind.pkl", np.array([1, 4, 7]))
    names = None
    for form, file in (
        ("as_input", "particles_optimisation_set.star"),
        ("warp", "particles_warp.star"),
        ("relion5", "relion5/optimisation_set.star"),
    ):
        options = job.options(do_filter=True, fn_filter_ind="ind.pkl", filter_export=form)
        assert run_task(job.project, NAME, options, "filter") == 0
        out = sorted(job.path.glob("selection.*"))[-1]
        # Images are found from the project, wherever the selection lies.
        particles = read_tilt_particles(out / file, job.project)
        assert particles.n == 3
        names = particles.tomogram.tolist() if names is None else names
        if form != "warp":
            assert particles.tomogram.tolist() == names
        assert any(name.endswith(file) for name in job.outputs())
        whole = read_tilt_particles(job.options().fn_star)
        assert particles.counts.tolist() == whole.counts[[1, 4, 7]].tolist()
        np.testing.assert_allclose(particles.rotation, whole.select([1, 4, 7]).rotation, atol=1e-5)


#: Trains, and dies by SIGKILL while the second epoch runs.
KILLED = """
import os, signal, sys
from pathlib import Path
import torch
torch.set_num_threads(1)
from jobs.core.worker import run_worker
from jobs.tomodrgn import training
from jobs.tomodrgn.params import JOB_TYPE
step = training.Training._step
def step_or_die(self, portion):
    if self.epoch == 1 and self.steps == 5:
        os.kill(os.getpid(), signal.SIGKILL)
    return step(self, portion)
training.Training._step = step_or_die
run_worker(JOB_TYPE, ["--project", sys.argv[1], "--job", "TomoDRGN/job001/", "--run", "1"])
"""

THREADS = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMBA_NUM_THREADS")


def test_that_a_killed_training_with_a_consensus_goes_on_to_the_same_bits(
    tmp_path: Path, shared: Path
) -> None:
    # sums are the same bits only with the same number of threads
    threads = torch.get_num_threads()
    options = small_options(
        shared, contrast="auto", do_consensus=True, batch_size=4, n_epochs=3, nr_threads=threads
    )
    straight, killed = tmp_path / "straight", tmp_path / "killed"
    assert run_task(straight, NAME, options, "train") == 0
    (killed / NAME).mkdir(parents=True)
    for name in ("options.001.json",):
        (killed / NAME / name).write_bytes((straight / NAME / name).read_bytes())
    root = str(Path(__file__).parents[3])
    done = subprocess.run(
        [sys.executable, "-c", KILLED, str(killed)],
        env=os.environ | {name: str(threads) for name in THREADS} | {"PYTHONPATH": root},
        capture_output=True,
        text=True,
    )
    assert done.returncode == -signal.SIGKILL, done.stderr
    assert [p.name for p in (killed / NAME).glob("weights*.pkl")] == ["weights.0.pkl"]
    assert run_task(killed, NAME, options, "resume") == 0
    first, second = (torch.load(p / NAME / "weights.pkl", weights_only=True) for p in (straight, killed))
    for name, value in first["model_state_dict"].items():
        assert torch.equal(value, second["model_state_dict"][name]), name
    a, b = (read_latent(p / NAME / "z.pkl")[0] for p in (straight, killed))
    np.testing.assert_array_equal(a, b)
