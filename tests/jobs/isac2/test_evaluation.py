"""The evaluation of 2D classes says of planted classes what is known of them."""

import html
import json
import shutil

import mrcfile
import numpy as np
import pytest
import torch

from jobs.core.errors import UserError
from jobs.formats.eman_hdf_write import write_eman_stack
from jobs.formats.star import read_star_tables, write_star_tables
from jobs.isac2.evaluation import evaluate, write_evaluation
from jobs.isac2.evaluation_figures import figures
from jobs.isac2.evaluation_repeat import compare_runs
from jobs.isac2.evaluation_report import write_report
from jobs.isac2.evaluation_views import coverage, likeness, view_axes
from jobs.maths.ctf import ctf_rfft
from jobs.maths.fourier import image_to_rfft, rfft_to_image
from jobs.simulate.class_images import ctf_parameters
from jobs.simulate.class_simulation import simulate_classes
from jobs.simulate.class_specification import ClassSpec
from jobs.simulate.class_truth import draw_truth
from tests.support.class_images import planted_classes
from tests.support.class_jobs import write_class_job
from tests.support.isac_runs import (
    IsacRun,
    alignment_errors,
    found_classes,
    likeness_to_views,
    resampled_views,
    true_views,
)


@pytest.fixture(scope="module")
def job(tmp_path_factory):
    """Four views in five classes (the first view in two), the noise and some particles in none."""
    project = tmp_path_factory.mktemp("project")
    made = planted_classes(n_views=4, n_images=160, box=32, snr=0.5, noise_fraction=0.1, has_ctf=True)
    simulate_classes(made.spec, project)
    labels = made.truth.view.copy()
    first = np.flatnonzero(labels == 0)
    labels[first[::2]] = 4
    labels[np.flatnonzero(labels == 3)[:10]] = -1
    mixed = np.where(labels >= 0, np.random.default_rng(0).permutation(np.arange(len(labels)) % 5), -1)
    noise = np.where(made.truth.is_noise, 4, made.truth.view)
    return {
        "views": made.views,
        "noise": write_class_job(project / "d", project, made, noise),
        "project": project,
        "labels": labels,
        "classes": write_class_job(project / "a", project, made, labels),
        "again": write_class_job(project / "b", project, made, np.where(labels == 4, 0, labels)),
        "mixed": write_class_job(project / "c", project, made, mixed),
    }


@pytest.fixture(scope="module")
def judged(job):
    """The whole evaluation, with another run and the true poses."""
    project = job["project"]
    return evaluate(
        job["classes"],
        project,
        other=job["again"],
        poses=project / "truth.star",
        all_particles=project / "particles.star",
    )


def test_that_sizes_and_shares_are_counted(judged, job):
    assert judged.classes.columns["size"].tolist() == [20, 40, 40, 30, 20]
    assert "5 classes hold 150 of 176 (85 %) particles, 20 to 40 each" in judged.sentences[0]
    assert "pixel error is 0.40 px" in judged.sentences[0]


def test_that_a_view_in_two_classes_is_seen_to_be_one(judged):
    assert judged.likeness.distinct == 4
    assert {int(judged.likeness.neighbour[0]), int(judged.likeness.neighbour[4])} == {0, 4}
    assert "could be merged" in judged.likeness.sentence


def test_that_halves_of_classes_agree_by_what_they_share_and_those_of_noise_do_not(judged, job):
    pixel = judged.classes.pixel_size_a
    assert judged.frc.frequency_1a[-1] == pytest.approx(1 / (2 * pixel))
    assert judged.frc.curves[1:3, 2:8].mean() > judged.frc.curves[[0, 4], 2:8].mean() > 0.6
    assert judged.frc.resolution_a.max() < 8 * pixel
    noise = evaluate(job["noise"], job["project"]).frc
    assert abs(noise.curves[4, 4:].mean()) < 0.3 < judged.frc.curves[1, 4:].mean()
    assert noise.resolution_a[4] > 2 * noise.resolution_a[:4].max()


def test_that_images_flipped_before_and_images_of_eman2_agree_as_the_original_ones_do(judged, job, tmp_path):
    project = job["project"]
    spec = ClassSpec.from_json((project / "simulation.json").read_text())
    images = mrcfile.read(project / "particles.mrcs")
    params = ctf_parameters(spec, draw_truth(spec), np.arange(len(images)))
    sign = torch.sign(ctf_rfft(params, 32, spec.pixel_size_a))
    flipped = rfft_to_image(image_to_rfft(torch.as_tensor(images)) * sign, 32).numpy()
    write_eman_stack(tmp_path / "flipped.hdf", flipped)
    shutil.copytree(project / "a", tmp_path / "a")
    data = tmp_path / "a" / "run_data.star"
    tables = read_star_tables(data)
    row = tables["particles"]
    names = [name.replace("particles.mrcs", "flipped.hdf") for name in row.text("rlnImageName").tolist()]
    changed = row.with_columns({"rlnImageName": names, "rlnCtfDataArePhaseFlipped": np.ones(150, np.int64)})
    write_star_tables(data, [tables["optics"], changed])
    again = evaluate(tmp_path / "a" / "run_optimiser.star", tmp_path)
    np.testing.assert_allclose(again.frc.curves, judged.frc.curves, atol=1e-3)


def test_that_true_poses_show_pure_classes_and_what_is_lost(judged, job):
    # Views from behind are the same direction, so that true classes have no spread at all.
    assert judged.coverage.spread_deg == pytest.approx(np.zeros(5), abs=1e-3)
    assert judged.coverage.n == 150
    mixed = evaluate(job["mixed"], job["project"], poses=job["project"] / "truth.star")
    assert np.nanmedian(mixed.coverage.spread_deg) > 20


def test_that_another_run_is_recognised_as_the_same_and_a_mixed_one_as_chance(judged, job):
    repeat = judged.repeat
    assert (repeat.n_first, repeat.n_second, repeat.n_both) == (150, 150, 150)
    assert sorted(repeat.matching.jaccard) == [0.5, 1, 1, 1]
    assert 0.8 < repeat.ari < 1 and abs(repeat.ari_shuffled) < 0.05
    assert "similar classes" in repeat.sentence or "same classes" in repeat.sentence
    mixed = evaluate(job["classes"], job["project"], other=job["mixed"]).repeat
    assert "no better than chance" in mixed.sentence
    assert mixed.jaccard == pytest.approx(mixed.jaccard_shuffled, abs=0.08)


def test_that_particles_are_compared_by_stack_and_section_not_by_row():
    names = [f"{i + 1:06d}@a/stack.mrcs" for i in range(40)]
    labels = np.arange(40) % 4
    order = np.random.default_rng(3).permutation(40)
    other = [f"{i + 1}@a/stack.mrcs" for i in order]
    assert compare_runs(names, labels, other, labels[order]).ari == 1.0
    with pytest.raises(UserError, match="no particle in common"):
        compare_runs(names, labels, [name.replace("a/", "b/") for name in names], labels)


def test_that_files_and_figures_hold_what_the_words_say(judged, tmp_path):
    record, star = write_evaluation(judged, tmp_path)
    said = json.loads(record.read_text())
    assert said["sentences"] == list(judged.sentences)
    assert said["repeat"]["n_both"] == 150
    table = read_star_tables(star)["classes"]
    assert table.ints("hsSize").tolist() == [20, 40, 40, 30, 20]
    np.testing.assert_allclose(table.floats("hsFrcResolutionA"), judged.frc.resolution_a, rtol=1e-4)
    made = figures(judged)
    assert list(made)[:2] == ["evaluation_repeat", "evaluation_frc"]
    assert {"evaluation_sizes", "evaluation_errors", "evaluation_likeness", "evaluation_spread"} <= set(made)
    for figure in made.values():
        figure.check()
        if figure.kind == "histogram":
            assert sum(figure.series[0].values) == pytest.approx(100)


def test_that_the_report_is_one_page_with_every_class_and_sentence(judged, tmp_path):
    pictures = list(figures(judged).values())[:2]
    write_report(judged, pictures, tmp_path / "report.html")
    page = (tmp_path / "report.html").read_text()
    assert page.count("data:image/png;base64,") == 5
    assert page.count("<figure>") == 2
    assert all(html.escape(text) in page for text in judged.sentences)
    # Nobody is to take halves that agree for a class that is pure.
    assert "not that its class is pure" in page
    # The page says where the classes are in the project, not on whose computer.
    assert "a/run_optimiser.star" in page and str(judged.classes.path) not in page
    assert "http" not in page.replace("http://www.w3.org", "").replace("http://purl.org", "").replace(
        "http://creativecommons.org", ""
    )


def test_that_missing_images_leave_the_rest_of_the_judgement(job, tmp_path):
    for name in ("a", "truth.star"):
        (tmp_path / name).symlink_to(job["project"] / name)
    moved = tmp_path / "b"
    moved.mkdir()
    for path in (job["project"] / "a").iterdir():
        text = path.read_bytes()
        (moved / path.name).write_bytes(text.replace(b"particles.mrcs", b"elsewhere.mrcs"))
    found = evaluate(moved / "run_optimiser.star", tmp_path)
    assert found.frc is None and found.likeness is not None
    assert any("resolution of the classes was not measured" in text for text in found.sentences)


def test_that_the_benchmark_reads_classes_and_likeness_to_true_views_from_the_files(judged, job):
    run = IsacRun(job["project"] / "a", 0.0, 0.0)
    names, view = true_views(job["project"])
    labels = found_classes(run, names)
    assert np.array_equal(labels, job["labels"])
    assert np.array_equal(view[labels == 4], np.zeros(20))
    pixel = judged.classes.pixel_size_a
    # The averages have their CTF, which the views have not.
    assert likeness_to_views(run, job["views"], 12, pixel).min() > 0.7
    finer = resampled_views(torch.as_tensor(job["views"]), 64)
    assert torch.allclose(resampled_views(finer, 32), torch.as_tensor(job["views"]), atol=0.05)
    assert likeness_to_views(run, finer.numpy(), 12, pixel / 2).min() > 0.7
    true = alignment_errors(run, job["project"])
    assert len(true.rotation_deg) == 150 and true.mirror_right == 1.0
    assert true.rotation_deg.max() < 1e-3
    # Members of mixed classes agree by chance: errors up to half a turn, every other mirror wrong at worst.
    mixed = IsacRun(job["project"] / "c", 0.0, 0.0)
    assert len(alignment_errors(mixed, job["project"]).rotation_deg) < 80


def test_that_evenly_shared_directions_spread_as_little_as_they_can():
    rng = np.random.default_rng(5)
    axes = rng.normal(size=(20_000, 3))
    axes /= np.linalg.norm(axes, axis=1, keepdims=True)
    assert coverage(axes, np.zeros(20_000), 1).spread_deg[0] > 50
    cap = np.abs(axes[:, 2]) > 1 - 1 / 30
    one = coverage(axes, np.where(cap, 0, -1), 30)
    assert one.spread_deg[0] == pytest.approx(one.ideal_deg, rel=0.05)
    assert one.lost > 80
    np.testing.assert_allclose(view_axes([[30.0, 120.0, 5.0]]), view_axes([[210.0, 60.0, 0.0]]), atol=1e-12)


def test_that_one_average_alone_is_like_no_other():
    alone = likeness(np.ones((1, 16, 16), np.float32))
    assert alone.distinct == 1 and "nothing to compare" in alone.sentence
