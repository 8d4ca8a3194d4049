"""A run writes the tree that SPHIRE's users know, and the same in RELION's form."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

from jobs.formats.class_files import read_class_set
from jobs.formats.eman_hdf import EmanStack
from jobs.formats.image_stack_input import read_image_input
from jobs.formats.mrc import write_stack
from jobs.formats.star import read_star_tables
from jobs.isac2.accounting import StableClass
from jobs.isac2.class_list import class_files
from jobs.isac2.mains import Generation, run_mains
from jobs.isac2.native_tree import NativeTree, read_rows
from jobs.isac2.outputs import RelionOutputs, whole_transformation
from jobs.isac2.run_state import InnerState, RunState
from jobs.isac2.settings import IsacSettings
from jobs.maths.transforms2d import Planar

_N, _BOX = 60, 16


def _settings() -> IsacSettings:
    return IsacSettings(
        radius=6.0, target_radius=3, target_nx=10, img_per_grp=10, minimum_grp_size=5, main_iter_limit=2
    )


class _Planted:
    """Puts images into groups in turn; all but every fifth are stable, and every third group is small."""

    def __call__(self, state: RunState, store: Callable[[InnerState], None]) -> Generation:
        count = max(2, len(state.pool) // 10)
        groups = np.arange(len(state.pool)) % count
        classes = []
        for group in range(count):
            members = state.pool[groups == group]
            members = members[members % 5 != 0][: 4 if group % 3 == 2 else None]
            size = len(members)
            classes.append(
                StableClass(
                    average=np.full((10, 10), len(state.classes) + group, np.float32),
                    members=members,
                    alpha_deg=members * 3.0,
                    shift=np.stack((members / 50, -members / 70), 1),
                    mirror=members % 2 == 1,
                    pixel_errors=np.full(size, 0.25),
                    main=state.main,
                    generation=state.generation,
                    group=group,
                )
            )
        return Generation(classes, groups)


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, RunState]:
    """A run of sixty images that went through planted classes."""
    project = tmp_path_factory.mktemp("project")
    images = np.random.default_rng(1).normal(size=(_N, _BOX, _BOX)).astype(np.float32)
    write_stack(project / "images.mrcs", images, 2.0)
    source = read_image_input(project / "images.mrcs", project)
    folder = project / "ISAC2" / "job001"
    folder.mkdir(parents=True)
    tree = NativeTree(folder, _settings(), source.pixel_size_a)
    relion = RelionOutputs(folder, project, _settings(), source, np.ones((_N, 2)))
    tree.begin()

    class _Both:
        def main_begins(self, state: RunState) -> None:
            tree.main_begins(state)

        def generation_ends(self, *told: object) -> None:
            tree.generation_ends(*told)  # type: ignore[arg-type]
            relion.generation_ends(*told)  # type: ignore[arg-type]

        def main_ends(self, state: RunState) -> None:
            tree.main_ends(state)
            relion.main_ends(state)

    state = RunState.start(_N)
    run_mains(state, _settings(), _Planted(), _Both(), lambda _: None)
    tree.ended(state)
    relion.final(state)
    return folder, state


def test_that_every_image_is_accounted_for_once_in_the_files(run: tuple[Path, RunState]) -> None:
    folder, state = run
    accepted = read_rows(folder / "processed_images.txt", 1)[:, 0]
    others = read_rows(folder / "not_processed_images.txt", 1)[:, 0]
    assert np.array_equal(np.sort(np.concatenate((accepted, others))), np.arange(_N))
    parameters = read_rows(folder / "all_parameters.txt", 4)
    assert np.array_equal(np.flatnonzero(parameters[:, 3] >= 0), accepted)
    assert np.allclose(parameters[accepted.astype(int), 0], accepted * 3.0)
    with EmanStack(folder / "class_averages.hdf") as stack:
        assert np.array_equal(np.sort(np.concatenate(stack.attribute("members"))), accepted)
        assert stack.attribute("n_objects") == [found.size for found in state.classes]
        assert stack.attributes(0)["apix_x"] == pytest.approx(4.0)
    lines = (folder / "README_shrink_ratio.txt").read_text().splitlines()
    assert float(lines[5]) == 0.5 and float(lines[6]) == 6.0


def test_that_members_of_a_generation_are_numbers_of_its_images(run: tuple[Path, RunState]) -> None:
    folder = run[0] / "main002"
    pool = read_rows(folder / "generation000/to_process_next_002_000.txt", 1)[:, 0]
    with (
        EmanStack(folder / "generation001/original_class_averages_002_001.hdf") as local,
        EmanStack(folder / "generation001/class_averages_002_001.hdf") as absolute,
    ):
        pairs = zip(local.attribute("members"), absolute.attribute("members"), strict=True)
        assert all(np.array_equal(pool[here], there) for here, there in pairs)
    assert (folder / "finished").exists() and (run[0] / "finished").exists()


def test_that_the_gallery_finds_every_generation_and_the_final_classes(run: tuple[Path, RunState]) -> None:
    folder, state = run
    files = class_files(folder, folder.parents[1])
    assert files[-1][0] == "Stable classes" and len(files) > 2
    classes = read_class_set(folder / "run_optimiser.star")
    assert classes.columns["size"].tolist() == [found.size for found in state.classes]
    assert classes.columns["main"].tolist() == [found.main for found in state.classes]
    first = read_class_set(files[0][1])
    assert set(first.columns["accepted"].tolist()) == {0, 1}
    assert np.array_equal(
        first.columns["size"][first.columns["accepted"] == 1],
        [found.size for found in state.classes if found.main == 1 and found.generation == 1],
    )


def test_that_particles_of_no_class_say_why(run: tuple[Path, RunState]) -> None:
    folder, state = run
    table = read_star_tables(folder / "run_unaccounted_data.star")["particles"]
    fates = table.text("hsFate").tolist()
    counts = {fate.name.lower(): number for fate, number in state.accounts.counts().items()}
    assert fates.count("unstable") == counts["unstable"] > 0
    assert fates.count("small_group") == counts["small_class"]
    assert table.n_rows + read_class_set(folder / "run_data.star").columns["size"].sum() == _N


def test_that_a_whole_transformation_is_the_prealignment_and_then_the_alignment() -> None:
    settings = _settings()
    planar = Planar.from_table([[30.0, 1.0, -2.0, 0], [200.0, 0.5, 0.25, 1]])
    shifts = np.array([[3.0, -1.0], [-2.0, 4.0]])
    whole = whole_transformation(planar, shifts, settings)
    point = torch.tensor([5.0, 7.0], dtype=torch.float64)

    def moved(table: list[float], x: float, y: float) -> tuple[float, float]:
        a, sx, sy, mirror = np.deg2rad(table[0]), *table[1:]
        there = np.cos(a) * x + np.sin(a) * y + sx
        return (-there if mirror else there), -np.sin(a) * x + np.cos(a) * y + sy

    for i in range(2):
        x, y = ((point.numpy() + shifts[i]) * settings.shrink).tolist()
        small = moved(planar.to_table()[i].tolist(), x, y)
        large = moved(whole.to_table()[i].tolist(), *point.tolist())
        assert np.allclose(np.array(large) * settings.shrink, small)
