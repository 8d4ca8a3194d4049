"""Trainings of every kind on real images: poolings, encodings, options of images; older folders evaluated."""

from __future__ import annotations

import itertools
import pickle
from pathlib import Path
from typing import Any

import mrcfile
import numpy as np
import pytest
import torch

from jobs.core.errors import UserError
from jobs.formats.tilt_series import read_tilt_particles
from jobs.tomodrgn import commands, train
from jobs.tomodrgn.contrast import contrast_of
from jobs.tomodrgn.image_input import open_bank
from jobs.tomodrgn.job_config import read_config
from jobs.tomodrgn.model_options import ENCODINGS, POOLINGS
from jobs.tomodrgn.outputs import epochs_of, latent_path, read_latent
from tests.jobs.tomodrgn.conftest import context_of, small_options

pytestmark = pytest.mark.usefixtures("in_process")

NAME = "TomoDRGN/job001/"


def trained_in(project: Path, shared: Path, **changed: object) -> Path:
    context = context_of(project, NAME, small_options(shared, **{"use_first_nptcls": 6, **changed}))
    try:
        train.run(context)
    finally:
        context.metrics.close()
    return context.folder.path


@pytest.mark.parametrize("pooling", POOLINGS)
def test_that_every_pooling_trains_and_embeds_as_it_left_the_places(
    pooling: str, tmp_path: Path, shared: Path
) -> None:
    star = str(shared / "data/tomodrgn/10076_both_32_sim.star")
    (tmp_path / "uneven.txt").write_text("3 30 70 73 90 140")  # particles of 8 and of 10 images
    job = trained_in(
        tmp_path, shared, pooling_function=pooling, fn_ind="uneven.txt", layer_norm=True, num_heads=2
    )
    out = tmp_path / "z.pkl"
    words = ["eval_images", star, "-w", str(job / "weights.pkl"), "--ind", str(tmp_path / "uneven.txt")]
    assert commands.main([*words, "--out-z", str(out), "--gpu-id", "cpu", "--lazy"]) == 0
    before, after = read_latent(job / "z.pkl")[0], read_latent(out)[0]
    np.testing.assert_allclose(after, before, atol=2e-3 * np.abs(before).max())
    assert len(np.unique(before.round(6), axis=0)) == 6


@pytest.mark.parametrize("encoding", ENCODINGS)
@pytest.mark.parametrize("kind", ["train_vae", "train_nn"])
def test_that_every_encoding_trains_and_decodes(
    encoding: str, kind: str, tmp_path: Path, shared: Path
) -> None:
    zdim = 2 if kind == "train_vae" else None
    job = trained_in(
        tmp_path, shared, model_kind=kind, zdim=zdim, pe_type=encoding, n_epochs=1, activation="leaky_relu"
    )
    place = ["-z", "0.5", "-0.5"] if zdim else []
    out = tmp_path / "v"
    assert commands.main(["eval_vol", "-w", str(job / "weights.pkl"), "-o", str(out), *place]) == 0
    with mrcfile.open(out / "vol_000.mrc") as volume:
        assert np.isfinite(volume.data).all() and volume.data.std() > 0


def test_that_images_in_a_file_train_to_the_same_bits(tmp_path: Path, shared: Path) -> None:
    jobs = [trained_in(tmp_path / str(lazy), shared, lazy=lazy, fraction_train=0.6) for lazy in (False, True)]
    first, second = (torch.load(job / "weights.pkl", weights_only=True) for job in jobs)
    for name, value in first["model_state_dict"].items():
        assert torch.equal(value, second["model_state_dict"][name]), name
    assert list((jobs[1] / "images.cache").glob("*.f16"))
    # Of a split set the places of both parts stand beside those of the training.
    for epoch in (0, 1):
        parts = [read_latent(latent_path(jobs[0], epoch, part))[0] for part in ("", "train", "test")]
        np.testing.assert_array_equal(parts[0], parts[1])
        assert not np.allclose(parts[1], parts[2])


@pytest.mark.parametrize("consensus", [False, True])
def test_that_a_training_begins_with_weights_that_are_loaded(
    consensus: bool, tmp_path: Path, shared: Path
) -> None:
    first = trained_in(tmp_path / "a", shared, do_consensus=consensus)
    more = {
        "do_consensus": consensus,
        "load": str(first / "weights.pkl"),
        "n_epochs": 1,
        "learning_rate": 1e-12,
    }
    second = trained_in(tmp_path / "b", shared, **more)
    a, b = (read_latent(job / "z.pkl")[0] for job in (first, second))
    np.testing.assert_allclose(a, b, atol=1e-4 * np.abs(a).max())
    with pytest.raises(UserError, match="do not fit the networks"):
        trained_in(tmp_path / "c", shared, **{**more, "do_consensus": not consensus})
    with pytest.raises(UserError, match="do not fit the networks"):
        trained_in(tmp_path / "d", shared, **more, dec_dim=40)
    assert not (tmp_path / "d" / NAME / "config.pkl").exists()


@pytest.mark.parametrize(("kind", "epochs"), [("train_vae", [1, 3, 4]), ("train_nn", [0, 2, 4])])
def test_that_checkpoints_come_when_users_of_the_original_expect_them(
    kind: str, epochs: list[int], tmp_path: Path, shared: Path
) -> None:
    job = trained_in(tmp_path, shared, model_kind=kind, n_epochs=5, checkpoint_interval=2)
    assert epochs_of(job) == epochs


def test_that_a_stated_normalisation_means_what_it_means_to_the_original(
    tmp_path: Path, shared: Path
) -> None:
    """The deviation of its Hartley coefficients, as its log states it, is our noise scale in other units."""
    star = shared / "data/tomodrgn/10076_both_32_sim.star"
    particles = read_tilt_particles(star, datadir=star.parent).select(np.arange(8))
    banks = []
    for norm in ("", "0 176.4", "352.8 176.4"):
        context = context_of(tmp_path, NAME, small_options(shared, norm=norm))
        banks.append(open_bank(context, context.options, particles, -1, "cpu"))  # type: ignore[arg-type]
        context.metrics.close()
    assert banks[1].norm == pytest.approx(banks[0].norm, rel=0.05)
    plain, shifted = (bank.batch(torch.arange(8)).coefficients for bank in banks[1:])
    # A shift of every Hartley coefficient by twice the deviation is a point at the centre of each image.
    assert float((plain - shifted).norm(dim=-1).mean()) == pytest.approx(2 * 2**0.5, rel=1e-2)
    job = trained_in(tmp_path, shared, norm="0 176.4")
    assert read_config(job / "config.pkl").norm == pytest.approx((0.0, 176.4))


@pytest.mark.parametrize("choice", ["auto", "white", "dark", "uninvert"])
@pytest.mark.parametrize(("name", "sign", "uninvert"), [("sim", -1, -1), ("clean", 1, 1)])
def test_that_the_sign_of_a_training_is_stated_and_embedding_repeats_it(
    choice: str, name: str, sign: int, uninvert: int, shared: Path
) -> None:
    star = shared / "data/tomodrgn" / f"10076_both_32_{name}.star"
    particles = read_tilt_particles(star, datadir=star.parent)
    found = contrast_of(particles, choice)
    assert found.sign == {"auto": sign, "white": 1, "dark": -1, "uninvert": uninvert}[choice]
    assert ("white" if found.sign > 0 else "dark") in found.sentence


# ------------------------------------------------------------------------------------ folders of the original


def network(prefix: str, n_in: int, width: int, layers: int, n_out: int, rng: np.random.Generator) -> Any:
    sizes = [n_in, *[width] * (layers + 1), n_out]
    state = {}
    for i, (a, b) in enumerate(itertools.pairwise(sizes)):
        name = f"{prefix}main.{2 * i}." + ("linear." if a == b else "")
        state[name + "weight"] = torch.from_numpy(rng.normal(size=(b, a)).astype(np.float32) / np.sqrt(a))
        state[name + "bias"] = torch.from_numpy(rng.normal(size=b).astype(np.float32))
    return state


@pytest.fixture(params=["S", "N"])
def original(request: pytest.FixtureRequest, tmp_path: Path, shared: Path) -> Path:
    """A folder as a generation of the original leaves it, with weights."""
    generation, box, zdim = request.param, 32, 2
    folder = tmp_path / "original"
    folder.mkdir()
    star = str(shared / "data/tomodrgn/10076_both_32_sim.star")
    rng = np.random.default_rng(2)
    one, two = ("encoder1", "encoder2") if generation == "S" else ("encoder_a", "encoder_b")
    state = network("decoder.decoder.", 6 * (box // 2) + zdim, 16, 2, 2, rng)
    state |= network(f"encoder.{one}.", 797, 12, 1, 6, rng) | network(f"encoder.{two}.", 60, 12, 1, 4, rng)
    torch.save({"epoch": 1, "model_state_dict": state, "optimizer_state_dict": {}}, folder / "weights.pkl")
    mean = rng.normal(size=(144, zdim)).astype(np.float32)
    config: dict[str, Any] = {
        "dataset_args": {"norm": [0, 176.4], "invert_data": False, "window": True, "window_r": 0.85},
        "lattice_args": {"extent": 0.5, "ignore_DC": True},
        "model_args": {"zdim": zdim, "players": 2, "pdim": 16, "pe_type": "geom_lowf", "activation": "relu"},
        "training_args": {"n": 2, "B": 8},
        "seed": 7,
    }
    if generation == "S":
        config["dataset_args"] |= {"particles": star, "datadir": str(Path(star).parent), "ind": None}
        config["lattice_args"]["D"] = box + 1
    else:
        config |= {"starfile_args": {"sourcefile": star, "source_software": "cryosrpnt"}, "angpix": 13.1}
        config["lattice_args"]["boxsize"] = box + 1
    with (folder / "config.pkl").open("wb") as file:
        pickle.dump(config, file)
        if generation == "S":
            pickle.dump({"time": "2022", "cmd": ["tomodrgn"], "version": "0.1"}, file)
    for name in ("z.pkl",) if generation == "S" else ("z.train.pkl",):
        with (folder / name).open("wb") as file:
            pickle.dump(mean, file)
            pickle.dump(np.zeros_like(mean), file)
    return folder


def test_that_folders_of_the_original_give_volumes_and_say_what_they_cannot(
    original: Path, tmp_path: Path, shared: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    weights, out = str(original / "weights.pkl"), tmp_path / "v"
    words = ["eval_vol", "-w", weights, "-o", str(out), "-c", str(original / "config.pkl")]
    assert commands.main([*words, "--zfile", str(next(original.glob("z*.pkl"))), "-d", "16"]) == 0
    assert len(list(out.glob("vol_*.mrc"))) == 144
    with mrcfile.open(out / "vol_143.mrc") as volume:
        assert volume.data.shape == (16, 16, 16)
        assert float(volume.voxel_size.x) == pytest.approx(26.2, abs=1e-3)
        assert volume.data.std() > 0
    star = str(shared / "data/tomodrgn/10076_both_32_sim.star")
    assert commands.main(["eval_images", star, "-w", weights, "--out-z", str(tmp_path / "z.pkl")]) == 2
    assert "by models of this program only" in capsys.readouterr().err
    assert not (tmp_path / "z.pkl").exists()
    assert commands.main(["view_config", str(original)]) == 0
