"""Tasks that go on from finished classes: full-size averages, substacks; and the commands for them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from jobs.core.context import WorkerContext
from jobs.core.errors import UserError
from jobs.core.folder import JobFolder
from jobs.core.metrics import MetricsWriter
from jobs.core.record import make_record
from jobs.formats.class_files import read_class_set
from jobs.formats.eman_hdf import EmanStack, write_eman_stack
from jobs.formats.image_stack_input import read_image_input
from jobs.formats.mrc import write_stack
from jobs.formats.star import read_star_tables, write_star_tables
from jobs.formats.star_table import StarTable
from jobs.isac2 import task_full_size, task_results
from jobs.isac2.commands import main, with_answers
from jobs.isac2.native_tree import read_rows
from jobs.isac2.params import JOB_TYPE, Isac2Options
from jobs.isac2.particle_file import ParticleFile
from jobs.isac2.relion_classes import ClassMembers, write_class_files
from jobs.isac2.run_settings import make_settings, read_settings, write_settings
from jobs.isac2.settings import IsacSettings
from jobs.maths.transforms2d import Planar

_N, _BOX, _PIXEL = 40, 24, 2.0
#: Class of every image, -1 for every fifth.
_CLASS_OF = np.where(np.arange(_N) % 5 == 4, -1, np.arange(_N) % 3)


@pytest.fixture
def job(project_dir: Path) -> JobFolder:
    """A finished run of forty images in three classes, eight of them in none."""
    rng = np.random.default_rng(5)
    y, x = np.mgrid[:_BOX, :_BOX] - _BOX // 2
    shape = np.exp(-(x**2 + (y - 3) ** 2) / 8) + np.exp(-((x - 5) ** 2 + y**2) / 4)
    images = np.stack([shape * (1 + k) for k in range(_N)]) + rng.normal(0, 0.2, (_N, _BOX, _BOX))
    write_stack(project_dir / "images.mrcs", images.astype(np.float32), _PIXEL)
    optics: dict[str, Any] = {"rlnOpticsGroup": [1], "rlnImagePixelSize": [_PIXEL], "rlnImageSize": [_BOX]}
    rows: dict[str, Any] = {
        "rlnImageName": [f"{i + 1:06d}@images.mrcs" for i in range(_N)],
        "rlnOpticsGroup": [1] * _N,
        "own": [f"p{i}" for i in range(_N)],
    }
    write_star_tables(
        project_dir / "particles.star",
        [StarTable.from_columns("optics", optics), StarTable.from_columns("particles", rows)],
    )
    folder = JobFolder(project_dir, "ISAC2/job001/")
    folder.path.mkdir(parents=True)
    options = Isac2Options(fn_stack="particles.star", radius=8.0)
    record = make_record(JOB_TYPE, options, project_dir=project_dir, run=1, task="classify")
    folder.write_options(1, record)
    write_settings(folder.path, IsacSettings(radius=8.0, rand_seed=3), _PIXEL)
    source = read_image_input(project_dir / "particles.star", project_dir)
    order = np.argsort(_CLASS_OF, kind="stable")
    members = order[_CLASS_OF[order] >= 0]
    planar = Planar(
        torch.from_numpy(members * 5.0),
        torch.from_numpy(np.stack((members / 30, -members / 40), 1)),
        torch.from_numpy(members % 2 == 1),
    )
    write_class_files(
        folder.path,
        "run",
        np.stack([np.full((10, 10), k, np.float32) for k in range(3)]),
        4.0,
        {"pixel_error_px": np.array([0.1, 0.2, 0.3]), "generation": np.array([1, 1, 2])},
        ClassMembers(members, _CLASS_OF[members], planar, np.full(len(members), 0.2)),
        ParticleFile(source.tables, "particles", _PIXEL),
        project_dir=project_dir,
    )
    return folder


def _context(job: JobFolder, **options: object) -> WorkerContext:
    values = {"fn_stack": "particles.star", "radius": 8.0, **options}
    return WorkerContext(
        options=Isac2Options.model_validate(values),
        folder=job,
        project_dir=job.project_dir,
        task=JOB_TYPE.main_task,
        run=1,
        seed=0,
        device="cpu",
        metrics=MetricsWriter(job.metrics, 1, "test"),
    )


def test_that_full_size_averages_have_the_box_of_the_images_and_the_members_of_the_classes(
    job: JobFolder,
) -> None:
    context = _context(job, full_size_classes="1,3")
    task_full_size.full_size(context)
    context.metrics.close()
    made = read_class_set(job.path / "full_size/run_optimiser.star")
    before = read_class_set(job.path / "run_optimiser.star")
    assert made.read(0).shape == (_BOX, _BOX) and made.pixel_size_a == _PIXEL
    assert made.columns["run_class"].tolist() == [1, 3]
    table = read_star_tables(job.path / "full_size/run_data.star")["particles"]
    expected = [f"p{i}" for i in range(_N) if _CLASS_OF[i] == 2]
    assert table.text("own")[made.members(1)].tolist() == expected
    # The resolution is known in the gallery of the run itself as well, of the classes that were made.
    assert np.array_equal(before.columns["resolution_a"][[0, 2]], made.columns["resolution_a"])
    assert np.isinf(before.columns["resolution_a"][1])
    with EmanStack(job.path / "full_size/class_averages.hdf") as stack:
        assert stack.attribute("members")[1].tolist() == np.flatnonzero(_CLASS_OF == 2).tolist()
    assert read_rows(job.path / "full_size/FH_list.txt", 2)[:, 0].tolist() == [0, 2]


def test_that_full_size_averages_come_with_the_alignment_of_their_members(job: JobFolder) -> None:
    for classes, numbers in (("", [0, 1, 2]), ("1,3", [0, 2])):
        context = _context(job, full_size_classes=classes)
        task_full_size.full_size(context)
        context.metrics.close()
        folder = job.path / "full_size"
        # Lists of classes that were left out the second time are gone.
        lists = sorted(path.name for path in (folder / "params_avg").iterdir())
        assert lists == [f"params_avg_{k:03d}.txt" for k in numbers]
        wanted = np.flatnonzero(np.isin(_CLASS_OF, numbers))
        rows = read_rows(folder / "init_isac_params.txt", 6)
        assert np.array_equal(rows[:, 0], wanted) and np.allclose(rows[:, 1], wanted * 5.0)
        assert np.allclose(rows[:, 2:4], np.stack((wanted / 30, -wanted / 40), 1), atol=1e-5)
        assert np.array_equal(rows[:, 4], wanted % 2) and np.all(rows[:, 5] == 1)
        of_third = read_rows(folder / "params_avg/params_avg_002.txt", 5)
        assert np.array_equal(of_third, rows[_CLASS_OF[wanted] == 2, 1:])


def test_that_a_refined_alignment_is_the_one_that_is_written(
    job: JobFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    def turned(source: object, rows: object, planar: Planar, **options: object) -> Planar:
        return Planar(planar.alpha_deg + 1.0, planar.shift, planar.mirror)

    monkeypatch.setattr(task_full_size, "align_locally", turned)
    context = _context(job, full_size_classes="1,3", local_alignment=True)
    task_full_size.full_size(context)
    context.metrics.close()
    rows = read_rows(job.path / "full_size" / "init_isac_params.txt", 6)
    assert np.allclose(rows[:, 1], rows[:, 0] * 5.0 + 1.0)
    table = read_star_tables(job.path / "full_size/run_data.star")["particles"]
    psi = np.array([-(i * 5.0 + 1.0) % 360 for k in (0, 2) for i in np.flatnonzero(k == _CLASS_OF)])
    assert np.allclose(np.sort(table.floats("rlnAnglePsi")), np.sort(psi))


def test_that_a_substack_lists_particles_with_their_alignment(job: JobFolder) -> None:
    context = _context(job, substack_classes="2-3", substack_each=True)
    task_results.substack(context)
    context.metrics.close()
    folder = job.path / "substacks" / "isac_substack_001"
    wanted = np.flatnonzero(_CLASS_OF >= 1)
    assert read_rows(folder / "isac_substack_particle_id_list.txt", 1)[:, 0].tolist() == wanted.tolist()
    rows = read_rows(folder / "init_isac_params.txt", 6)
    assert np.array_equal(rows[:, 0], wanted)
    assert np.allclose(rows[:, 1], wanted * 5.0) and np.allclose(rows[:, 2], wanted / 30, atol=1e-5)
    assert np.allclose(rows[:, 3], -wanted / 40, atol=1e-5) and np.array_equal(rows[:, 4], wanted % 2)
    assert len(read_rows(folder / "params_avg" / "params_avg_001.txt", 5)) == (_CLASS_OF == 1).sum()
    assert read_star_tables(folder / "particles.star")["particles"].n_rows == len(wanted)
    assert [path for path, _ in context.outputs] == [
        "substacks/isac_substack_001/particles.star",
        "substacks/isac_substack_001/class_averages.star",
    ]


def test_that_averages_that_were_left_choose_the_classes(
    job: JobFolder, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    left = [np.flatnonzero(k == _CLASS_OF) for k in (2, 0)]
    write_eman_stack(tmp_path / "left.hdf", [np.zeros((4, 4))] * 2, [{"members": m} for m in left])
    words = ["substack", str(job.path), str(tmp_path / "out"), "--isac_class_avgs_path"]
    assert main([*words, str(tmp_path / "left.hdf")]) == 0
    written = Path(capsys.readouterr().out.strip())
    numbers = read_star_tables(written)["particles"].ints("rlnClassNumber")
    assert set(numbers.tolist()) == {1, 3}
    assert main(["substack", str(job.path), str(tmp_path / "out"), "--classes", "9"]) == 2
    assert "there is no class 9" in capsys.readouterr().err


def test_that_a_radius_in_angstroms_needs_a_pixel_size() -> None:
    options = Isac2Options(radius=100.0, length_unit="Å", filament_width=50.0)
    settings = make_settings(options, 2.0, 7)
    assert (settings.radius, settings.filament_width, settings.rand_seed) == (50.0, 25.0, 7)
    assert make_settings(Isac2Options(radius=100.0, rand_seed=1), None, 7).radius == 100.0
    with pytest.raises(UserError, match="pixel size"):
        make_settings(options, None, 7)


def test_that_settings_are_kept_with_their_seed(tmp_path: Path) -> None:
    assert read_settings(tmp_path) is None
    settings = IsacSettings(radius=33.3, rand_seed=123456789, ctf=True)
    write_settings(tmp_path, settings, None)
    assert read_settings(tmp_path) == (settings, None)


def test_that_wrong_commands_are_told_in_a_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "a.mrcs").touch()
    for words, sentence in (
        (["a.mrcs"], "no folder to write to"),
        (["a.mrcs", "out"], "Particle radius is empty"),
        (["a.mrcs", "out", "--radius=10", "--CTF", "--VPP"], "cannot be used together"),
        (["bdb:stack", "out", "--radius=10"], "ERROR: bdb: stacks of EMAN2 are not read"),
        (["a.mrcs", "out", "--radius=x"], "radius"),
    ):
        assert main(words) == 2
        assert sentence in capsys.readouterr().err
    assert not (tmp_path / "out").exists()
    assert main(["--gpu_info"]) == 0
    assert with_answers(["--skip_prealignment", "a.mrcs", "--ctf", "No"]) == [
        "--skip_prealignment=Yes",
        "a.mrcs",
        "--ctf",
        "No",
    ]
