"""Whole runs: stopped anywhere they end with the same bits, and noise ends without classes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from jobs.core.context import WorkerContext
from jobs.core.errors import UserError
from jobs.core.folder import JobFolder
from jobs.core.metrics import MetricsWriter, read_metrics
from jobs.formats.image_stack_input import read_image_input
from jobs.formats.mrc import write_stack
from jobs.isac2.centred_input import across_filaments
from jobs.isac2.params import JOB_TYPE, Isac2Options
from jobs.isac2.run import restart_run, run_isac
from jobs.isac2.run_state import RunState, digest, save_state
from jobs.isac2.settings import IsacSettings
from jobs.simulate.class_simulation import simulate_classes
from tests.support.class_images import planted_classes

SETTINGS = IsacSettings(
    radius=12,
    target_radius=8,
    target_nx=24,
    img_per_grp=12,
    minimum_grp_size=6,
    fl=0.3,
    fh=0.35,
    maxit=5,
    init_iter=2,
    stab_ali=2,
    main_iter_limit=2,
    ctf=True,
    rand_seed=3,
)


class Killed(Exception):
    """Stands for the end of the process."""


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("project")
    simulate_classes(planted_classes(2, 48, 32, 3.0, has_ctf=True).spec, folder)
    return folder


def _run(
    project: Path,
    name: str,
    settings: IsacSettings = SETTINGS,
    stack: str = "particles.star",
    devices: tuple[str, ...] = (),
) -> RunState:
    (project / name).mkdir(exist_ok=True)
    folder = JobFolder(project, f"{name}/")
    metrics = MetricsWriter(folder.metrics, 1, "classify")
    context = WorkerContext(
        Isac2Options(fn_stack=stack, radius=12), folder, project, JOB_TYPE.tasks[0], 1, 1, "cpu", metrics
    )
    context.devices = devices
    source = read_image_input(project / stack, project)
    try:
        return run_isac(context, settings, source)
    finally:
        source.close()
        metrics.close()


@pytest.fixture(scope="module")
def whole(project: Path) -> RunState:
    return _run(project, "whole")


def _killed_after(count: int, save: Callable[..., None]) -> Callable[..., None]:
    """Save so many states, and then be killed."""
    left = [count]

    def killed(*arguments: object) -> None:
        save(*arguments)
        left[0] -= 1
        if not left[0]:
            raise Killed

    return killed


def test_that_a_run_killed_twice_ends_with_the_bits_of_one_that_was_not(
    project: Path, whole: RunState, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert whole.classes
    for count in (1, 2):
        monkeypatch.setattr("jobs.isac2.run.save_state", _killed_after(count, save_state))
        with pytest.raises(Killed):
            _run(project, "killed")
    monkeypatch.setattr("jobs.isac2.run.save_state", save_state)
    assert digest(_run(project, "killed")) == digest(whole)
    for name in ("all_parameters.txt", "class_averages.hdf", "run_classes.mrcs", "chains_params.txt"):
        assert (project / "killed" / name).is_file() == (project / "whole" / name).is_file()
    read = [(project / name / "all_parameters.txt").read_bytes() for name in ("killed", "whole")]
    assert read[0] == read[1]


def test_that_memory_devices_and_threads_change_no_bit(project: Path, whole: RunState) -> None:
    less = replace(SETTINGS, gpu_memory_use=0.01)
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        assert digest(_run(project, "threads", less)) == digest(whole)
    finally:
        torch.set_num_threads(before)
    assert digest(_run(project, "devices", less, devices=("cpu", "cpu", "cpu"))) == digest(whole)


def test_that_a_finished_run_is_not_done_again(project: Path, whole: RunState) -> None:
    assert digest(_run(project, "whole", replace(SETTINGS, gpu_memory_use=0.5))) == digest(whole)


def test_that_a_restart_after_the_first_main_iteration_leads_to_the_same_end(
    project: Path, whole: RunState
) -> None:
    assert restart_run(project / "whole", 1) == 1
    assert not (project / "whole" / "main002").exists()
    assert digest(_run(project, "whole")) == digest(whole)
    with pytest.raises(UserError, match="main iteration 9 is not finished"):
        restart_run(project / "whole", 9)


def test_that_every_particle_is_accounted_for_and_progress_is_told(project: Path, whole: RunState) -> None:
    assert sum(whole.accounts.counts().values()) == 48
    assert sum(found.size for found in whole.classes) == len(whole.accounts.accepted)
    records, _ = read_metrics(project / "whole" / "metrics.jsonl")
    assert {"classes_found", "particles_accounted"} <= set(records[-1])


def test_that_noise_alone_ends_without_classes_and_in_words(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    noise = np.random.default_rng(0).standard_normal((40, 32, 32)).astype(np.float32)
    write_stack(project / "noise.mrcs", noise, 3.0)
    strict = replace(SETTINGS, ctf=False, stab_ali=5, thld_err=0.3, skip_prealignment=True)
    state = _run(project, "noise", strict, "noise.mrcs")
    assert not state.classes
    assert state.finished
    assert "No stable classes were found" in capsys.readouterr().out
    assert (project / "noise" / "finished").is_file()
    assert (project / "noise" / "run_unaccounted_data.star").is_file()


def test_that_shifts_of_filament_segments_are_kept_across_the_filament_only() -> None:
    shift = np.array([[3.2, 5.9], [3.2, 5.9], [4.0, 4.0]])
    kept = across_filaments(shift, np.array([0.0, 90.0, -45.0]))
    # along x; along -y; along (1, 1), in which direction (4, 4) lies
    assert np.array_equal(np.abs(kept), np.abs([[0.0, 6.0], [3.0, 0.0], [0.0, 0.0]]))
