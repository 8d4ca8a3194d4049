"""Jobs of the original in the explorer: states, maps, motion and measures of particles; their conversion."""

from __future__ import annotations

import os
import pickle
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch

from jobs.core import latent
from jobs.core.errors import FormatError, UserError
from jobs.dynamight import commands
from jobs.dynamight.explorer_source import source
from jobs.dynamight.original_explored import OriginalExplored
from jobs.dynamight.original_halves import load_original
from jobs.dynamight.original_images import Masking, centred, masking_of
from jobs.dynamight.original_latents import Crossing
from jobs.formats.mrc import read_map
from jobs.formats.particles import read_particles
from jobs.formats.star import read_star_tables
from jobs.simulate.simulation import Simulation
from tests.support import originals

N = 200
CHECKPOINTS = "forward_deformations/checkpoints"


@pytest.fixture(scope="module")
def project(tiny: Simulation, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = Path(shutil.copytree(tiny.folder, tmp_path_factory.mktemp("original") / "project"))
    for kind in originals.KINDS:
        originals.write_original(folder / f"DynaMight/{kind}/{CHECKPOINTS}/checkpoint_final.pth", kind, N)
    return folder


@pytest.fixture(params=[1, 2, 0], ids=["half 1", "half 2", "held out"])
def model(request: pytest.FixtureRequest, project: Path) -> OriginalExplored:
    opened = source(project / "DynaMight/flexible", project).open(request.param)
    assert isinstance(opened, OriginalExplored)
    return opened


def _open(project: Path, kind: str, half: int = 1) -> OriginalExplored:
    opened = source(project / f"DynaMight/{kind}", project).open(half)
    assert isinstance(opened, OriginalExplored)
    return opened


def test_that_half_sets_are_those_of_the_checkpoint(project: Path) -> None:
    found = source(project / "DynaMight/flexible", project)
    assert list(found.half_sets) == [1, 2, 0]
    assert [s.label for s in found.snapshots()] == ["final"]
    names = [found.open(half).metadata["image_name"].tolist() for half in (1, 2, 0)]
    # 80 in half-set 1, 40 held out, of which the first 20 go with half-set 1
    assert [len(of_half) for of_half in names] == [100, 100, 40]
    assert len(set(names[0]) | set(names[1])) == N
    assert names[2][:20] == names[0][-20:] and names[2][20:] == names[1][-20:]
    assert found.open(1).half_set is not None
    assert np.asarray(found.open(1).half_set).tolist() == [1] * 80 + [0] * 20


def test_that_states_are_those_of_the_encoder_for_each_image(project: Path) -> None:
    particles = read_particles(project / "particles.star", project)
    trained = load_original(project / f"DynaMight/flexible/{CHECKPOINTS}/checkpoint_final.pth")
    square, circle = Masking().masks(originals.BOX, originals.PIXEL_A)
    states = _open(project, "flexible", 2).embedding
    rows = np.flatnonzero(trained.halves_of(N)[0] == 2)
    for place in (0, 57, 99):
        row = int(rows[place])
        stack = read_map(particles.stacks[int(particles.stack[row])], permissive=True).data
        image = torch.from_numpy(np.array(stack[int(particles.section[row])], np.float32))[None]
        shift = originals.translations(N)[row : row + 1]
        expected, _ = trained.encoders[1](centred(image * square, shift) * circle)
        assert np.abs(states[place] - expected[0].numpy()).max() < 1e-5


def test_that_states_are_kept_beside_the_files_of_the_job_and_used_again(project: Path) -> None:
    job = project / "DynaMight/raw"
    before = {path: path.read_bytes() for path in job.rglob("*") if path.is_file()}
    first = _open(project, "raw").embedding
    kept = job / "explorer/latents_checkpoint_final.npz"
    assert kept.is_file()
    assert all(path.read_bytes() == content for path, content in before.items())
    stack = next(project.glob("*.mrcs"))
    hidden = stack.rename(stack.with_suffix(".away"))
    try:
        assert np.array_equal(_open(project, "raw").embedding, first)
        kept.write_bytes(b"damaged")
        with pytest.raises(UserError, match="does not exist"):
            _open(project, "raw")
    finally:
        hidden.rename(stack)
    assert np.array_equal(_open(project, "raw").embedding, first)


def test_that_the_map_of_a_state_is_that_of_the_moved_gaussians(model: OriginalExplored) -> None:
    z, cloud = model.embedding[5], model.cloud()
    volume = model.decode(z)
    moved = model.displace(z, cloud.points_a)
    axis = (np.arange(model.box) - model.box // 2) * model.voxel_size_a
    centre = [
        (volume * axis.reshape(shape)).sum() / volume.sum() for shape in ((1, 1, -1), (1, -1, 1), (-1, 1, 1))
    ]
    weights = cloud.amplitude / cloud.amplitude.sum()
    assert np.allclose(centre, weights @ moved, atol=0.05)
    assert volume.sum() == pytest.approx(cloud.amplitude.sum(), rel=1e-3)
    assert model.decode(z, 16).sum() == pytest.approx(volume.sum() / 8, rel=1e-2)
    assert not np.allclose(volume, model.decode(None), atol=1e-3)


def test_that_the_map_looks_like_that_of_the_original(project: Path) -> None:
    with np.load(Path(__file__).with_name("original_outputs.npz")) as stored:
        wanted = stored["volume_z"]
    state = originals.latents()[0].numpy()
    found = _open(project, "flexible").decode(state).sum(0)
    assert np.corrcoef(found.ravel(), wanted.ravel())[0, 1] > 0.98


def test_that_measures_are_what_their_names_say(model: OriginalExplored) -> None:
    points = model.cloud().points_a
    apart = [model.displace(z, points) - points for z in model.embedding]
    lengths = np.linalg.norm(apart, axis=2)
    amounts = np.sqrt((lengths**2).mean(1))
    assert np.allclose(model.measures["amount"], amounts, rtol=1e-4)
    directions = np.asarray(model.measures["direction"])
    pull = (np.array(apart) * lengths[:, :, None]).mean(1)
    assert np.allclose(directions, pull / np.linalg.norm(pull, axis=1, keepdims=True), atol=1e-3)
    differences = [np.sqrt((np.asarray(model.disagreement(z, points)) ** 2).mean()) for z in model.embedding]
    assert np.allclose(model.measures["difference"], differences, rtol=1e-3)
    assert np.allclose(np.linalg.norm(model.measures["pose"], axis=1), 1)
    assert np.allclose(model.activity(), np.sqrt((lengths**2).mean(0)), rtol=1e-4)
    assert set(model.measures) >= {"amount", "direction", "location", "shift", "pose", "difference"}


def test_that_features_are_as_far_apart_as_the_deformations(model: OriginalExplored) -> None:
    points = model.cloud().points_a
    features = model.features()
    for i, j in ((0, 1), (5, 30)):
        first, second = (model.displace(model.embedding[k], points) for k in (i, j))
        expected = np.sqrt(((first - second) ** 2).sum(1).mean())
        assert np.linalg.norm(features[i] - features[j]) == pytest.approx(expected, rel=1e-2)


def test_that_uncertainty_is_the_motion_of_one_standard_deviation(project: Path) -> None:
    model = _open(project, "rigid", 2)
    trained = load_original(project / f"DynaMight/rigid/{CHECKPOINTS}/checkpoint_final.pth")
    assert trained.n_latent == originals.N_LATENT
    spread = model.measures["uncertainty"]
    assert spread.shape == (100,) and (spread > 0).all()
    assert "uncertainty" not in _open(project, "rigid", 0).measures


def test_that_a_particle_is_shown_with_its_refined_pose(project: Path) -> None:
    model = _open(project, "masked")
    view = model.particle_view(3)
    assert view.image.shape == view.projection.shape == (originals.BOX, originals.BOX)
    assert view.name == model.metadata["image_name"][3]
    shift = originals.translations(N)[3].norm() * originals.PIXEL_A
    assert model.measures["shift"][3] == pytest.approx(float(shift), rel=1e-5)
    with pytest.raises(IndexError):
        model.particle_view(100)


def test_that_errors_are_not_offered_and_states_are_checked(project: Path) -> None:
    model = _open(project, "flexible")
    assert latent.DISPLACE in model.abilities and latent.ERRORS not in model.abilities
    assert model.error is None
    for wrong in (np.zeros(2), np.full(3, np.nan)):
        with pytest.raises(ValueError, match="3 finite coordinates"):
            model.decode(wrong)


def test_that_a_crossing_is_exact_at_particles_and_between_their_values_elsewhere() -> None:
    here = torch.tensor([[0.0], [1.0], [3.0]])
    crossing = Crossing(here, 2 * here + 1)
    assert torch.allclose(crossing(here), 2 * here + 1)
    # weights 1 / 0.25, 1 / 0.25, 1 / 6.25 of 1, 3 and 7
    expected = (4 * 1 + 4 * 3 + 0.16 * 7) / 8.16
    assert float(crossing(torch.tensor([[0.5]]))) == pytest.approx(expected, rel=1e-5)


def test_that_masks_of_the_additional_arguments_are_used(tmp_path: Path) -> None:
    rows = 'other_args "--particle-diameter 180 --soft-edge-width=10 --kld-factor 0.1"'
    (tmp_path / "job.star").write_text(
        "data_job\n\n_rlnJobTypeLabel dynamight\n_rlnJobIsContinue 0\n_rlnJobIsTomo 0\n\n"
        f"data_joboptions_values\n\nloop_\n_rlnJobOptionVariable\n_rlnJobOptionValue\n{rows}\n\n"
    )
    assert masking_of(tmp_path) == Masking(10.0, 180.0)
    assert masking_of(tmp_path / "nowhere") == Masking(20.0, None)


def test_that_another_particle_file_is_refused(tiny: Simulation, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(tiny.folder, tmp_path / "project"))
    path = folder / f"DynaMight/job001/{CHECKPOINTS}/checkpoint_final.pth"
    originals.write_original(path, "flexible", 150)
    with pytest.raises(FormatError, match="not made from these 200 particles"):
        source(folder / "DynaMight/job001", folder).open(1)
    (folder / "particles.star").unlink()
    with pytest.raises(UserError, match=r"particles\.star.*missing"):
        source(folder / "DynaMight/job001", folder).open(1)


def test_that_files_of_old_torch_are_read_alike(project: Path, tmp_path: Path) -> None:
    job = project / "DynaMight/old"
    path = job / CHECKPOINTS / "005.pth"
    originals.write_original(path, "flexible", N, legacy=True)
    found = source(job, project)
    assert [s.label for s in found.snapshots()] == ["epoch 5"]
    assert np.array_equal(found.open(1).embedding, _open(project, "flexible").embedding)
    content = path.read_bytes()
    cut = tmp_path / "cut.pth"
    for size in (30, len(content) // 3, len(content) - 40):
        cut.write_bytes(content[:size])
        with pytest.raises(FormatError, match=r"cut\.pth"):
            load_original(cut)


def test_that_the_command_converts_a_job(
    project: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out"
    words = ["convert-checkpoint", "DynaMight/masked", "--project", str(project), "--out", str(out)]
    assert commands.main([*words, "--refined-poses"]) == 0
    said = capsys.readouterr()
    assert "200 particles, 40 Gaussians" in said.err and said.out.strip() == str(out)
    written = read_particles(out / "particles.star", project, require_images=False)
    assert np.allclose(np.deg2rad(written.euler_deg), originals.orientations(N).numpy(), atol=1e-4)
    for half in (1, 2):
        model = _open(project, "masked", half)
        rows = written.table.floats("hsHalfSet") == half
        states = np.stack([written.table.floats(f"hsLatent{k}")[rows] for k in (1, 2, 3)], 1)
        assert np.allclose(states, model.embedding, atol=1e-5)
        rms = written.table.floats("hsRmsDisplacementAngst")[rows]
        assert np.allclose(rms, model.measures["amount"], rtol=1e-4)
        table = read_star_tables(out / f"gaussians_half{half}.star")["gaussians"]
        centre = originals.BOX // 2 * originals.PIXEL_A
        assert np.allclose(table.floats("x") - centre, model.cloud().points_a[:, 0], atol=1e-3)
        assert np.allclose(read_map(out / f"consensus_half{half}.mrc").data, model.decode(None), atol=1e-4)
    assert int(written.table.floats("hsValidation").sum()) == 40


def test_that_the_conversion_of_other_files_is_refused_in_words(
    project: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "job").mkdir()
    (tmp_path / "other.pth").write_bytes(b"other")
    torch.save({"model": torch.zeros(3)}, tmp_path / "third.pth")
    for words, said in (
        ([str(tmp_path / "job")], "no checkpoint of the original"),
        ([str(tmp_path / "nowhere")], "no such job folder"),
        (
            [str(tmp_path / "job"), "--checkpoint", str(tmp_path / "other.pth")],
            "not a checkpoint of the orig",
        ),
        (
            [str(tmp_path / "job"), "--checkpoint", str(tmp_path / "third.pth")],
            "not a checkpoint of the orig",
        ),
        ([str(tmp_path / "job"), "--checkpoint", str(tmp_path / "gone.pth")], "no such checkpoint"),
    ):
        assert commands.main(["convert-checkpoint", *words]) == 2
        told = capsys.readouterr().err
        assert said in told and "Traceback" not in told


class _Command:
    def __init__(self, words: str) -> None:
        self.words = words

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return os.system, (self.words,)


def test_that_a_file_of_old_torch_cannot_run_anything_either(tmp_path: Path) -> None:
    victim, path = tmp_path / "victim", tmp_path / "evil.pth"
    words = [0x1950A86A20F9469CFC6C, 1001, {"little_endian": True}]
    evil = {"decoder_half1": _Command(f"touch {victim}")}
    for begin in (words, words[:1]):
        path.write_bytes(b"".join(pickle.dumps(thing, 2) for thing in [*begin, evil]))
        with pytest.raises(FormatError, match="nothing of it was run"):
            load_original(path)
    assert not victim.exists()
