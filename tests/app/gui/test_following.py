"""What the lanes find out about jobs, files and the machine, without any window."""

from __future__ import annotations

import json
import time
from pathlib import Path

import numpy as np
import pytest

from app.gui.follower import CHUNK, Follower
from app.gui.job_details import progress_note
from app.gui.news import Followed, GpusSeen, JobsChanged, LockSeen
from app.gui.relion_titles import title_of
from app.gui.workplace import Workplace
from app.node_details import node_details
from app.project.lock import ProjectLock
from app.project.project import Project
from app.runner.gpus import Gpu
from tests.app.gui.acting import REFINEMENT


@pytest.fixture
def job(project: Path) -> Path:
    return project / REFINEMENT


def followed(follower: Follower) -> list[Followed]:
    return [item for item in follower.tick() if isinstance(item, Followed)]


def test_that_following_begins_with_what_is_there_and_goes_on_with_what_is_new(
    project: Path, job: Path
) -> None:
    follower = Follower(gpus=list)
    follower.follow(project, REFINEMENT)
    first = followed(follower)
    assert first[0].fresh
    assert first[0].logs == (("out", "Auto-refine: Refinement has converged\n", False),)
    assert followed(follower) == []
    with (job / "run.err").open("a") as file:
        file.write("a warning\n")
    (job / "snapshots").mkdir()
    np.save(job / "snapshots" / "latent.npy", np.zeros((5, 2), np.float32))
    (job / "metrics.jsonl").write_text(json.dumps({"t": 1.0, "step": 1, "of": 4}) + "\n")
    news = followed(follower)[0]
    assert not news.fresh
    assert news.logs == (("err", "a warning\n", False),)
    assert news.records == ({"t": 1.0, "step": 1, "of": 4},)
    assert news.arrays["latent"].shape == (5, 2)


def test_that_a_long_log_is_handed_out_in_pieces_and_nothing_is_lost(project: Path, job: Path) -> None:
    text = "".join(f"line {k}\n" for k in range(30_000))
    (job / "run.out").write_text(text)
    follower = Follower(gpus=list)
    follower.follow(project, REFINEMENT)
    pieces: list[str] = []
    for _ in range(20):
        for news in followed(follower):
            size = sum(len(piece) for _, piece, _ in news.logs)
            assert size <= CHUNK
            pieces += [piece for _, piece, _ in news.logs]
    assert "".join(pieces) == text


def test_that_a_half_written_snapshot_is_skipped_until_it_is_whole(project: Path, job: Path) -> None:
    follower = Follower(gpus=list)
    follower.follow(project, REFINEMENT)
    (job / "snapshots").mkdir()
    (job / "snapshots" / "volume.npy").write_bytes(b"\x93NUMPY\x01\x00")
    assert followed(follower)[0].arrays == {}
    np.save(job / "snapshots" / "volume.npy", np.zeros((4, 4, 4)))
    assert followed(follower)[0].arrays["volume"].shape == (4, 4, 4)


def test_that_a_lock_is_told_only_when_it_is_held_for_long(project: Path) -> None:
    follower = Follower(gpus=list)
    follower.follow(project)
    with ProjectLock(project, "something slow"):
        assert not [item for item in follower.tick() if isinstance(item, LockSeen)]
        time.sleep(1.7)
        seen = [item for item in follower.tick() if isinstance(item, LockSeen)]
        assert seen[0].owner is not None
        assert "something slow" in seen[0].owner
        assert seen[0].alive


def test_that_gpus_and_the_machine_are_seen(project: Path) -> None:
    gpu = Gpu(0, "A100", "GPU-1", 81920.0, 1024.0, 7.0)
    seen = [item for item in Follower(gpus=lambda: [gpu]).tick() if isinstance(item, GpusSeen)]
    assert seen[0].gpus == (gpu,)
    assert seen[0].machine is not None
    assert seen[0].machine.memory_total_mb > 100


def test_that_the_head_of_a_file_tells_particles_box_and_pixel_size(job: Path) -> None:
    assert node_details(job / "run_data.star") == {"particles": 6, "box": 64, "pixel_size_a": 2.0}
    assert node_details(job / "run_class001.mrc") == {"box": 64, "pixel_size_a": 2.0}


def test_that_particles_of_tilt_series_are_told_from_their_images(shared: Path) -> None:
    tilts = shared / "data" / "tomodrgn"
    assert node_details(tilts / "10076_both_32_sim.star") == {"particles": 144, "images": 1296}
    assert node_details(tilts / "10076_both_32_sim_vols.star") == {"particles": 144}


def test_that_nothing_is_claimed_about_a_file_which_can_not_be_read(tmp_path: Path) -> None:
    (tmp_path / "bad.star").write_bytes(b"\x00\x01\x02")
    (tmp_path / "bad.mrc").write_bytes(b"short")
    for name in ("bad.star", "bad.mrc", "missing.star", "other.txt"):
        assert node_details(tmp_path / name) == {}


def test_that_nodes_are_offered_by_the_first_part_of_their_label(project: Path) -> None:
    place = Workplace()
    place.open(project)
    root, found = place.nodes(["DensityMap"])
    assert root == project
    assert found == [
        (f"{REFINEMENT}run_class001.mrc", "DensityMap.mrc.relion.refine3d", REFINEMENT),
    ]


def test_that_progress_counts_for_the_present_run_only(tmp_path: Path) -> None:
    lines = [{"t": 10.0, "step": 9, "of": 9}, {"t": 20.0, "step": 21, "of": 50}]
    (tmp_path / "metrics.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    assert progress_note(tmp_path, 15.0) == "42 %"
    assert progress_note(tmp_path, 25.0) == ""


@pytest.mark.parametrize(
    ("label", "title"),
    [
        ("relion.refine3d.tomo", "3D auto-refine"),
        ("relion.external.tomodrgn", "External"),
        ("relion.nobody.knows", "relion.nobody.knows"),
    ],
)
def test_that_job_types_of_other_programs_have_the_names_relion_shows(label: str, title: str) -> None:
    assert title_of(label) == title


def test_that_ten_thousand_jobs_are_listed_within_the_pace_of_the_lane(project: Path) -> None:
    place = Workplace()
    place.open(project)
    pipeline = place.project.pipeline
    from app.project.graph import Process

    for number in range(2, 10_000):
        pipeline.add_process(Process(f"Class2D/job{number:03d}/", "", "relion.class2d", "Succeeded"))
    start = time.process_time()
    place._changes()
    first = time.process_time() - start
    start = time.process_time()
    assert place._changes() == []
    again = time.process_time() - start
    assert first < 2.0
    assert again < 0.05


def test_that_a_project_that_was_opened_is_told_once_also_when_it_is_empty(tmp_path: Path) -> None:
    place = Workplace()
    place.create(tmp_path / "empty")
    assert [type(news) for news in place.tick()] == [JobsChanged]
    assert place.tick() == []
    Project.open(tmp_path / "empty").new_job("Class2D", "relion.class2d", status="Succeeded")
    place.open(tmp_path / "empty")
    (told,) = place.tick()
    assert isinstance(told, JobsChanged)
    assert [entry.name for entry in told.entries] == ["Class2D/job001/"]
    assert place.tick() == []
