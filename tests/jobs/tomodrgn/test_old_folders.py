"""Folders that tomoDRGN wrote are read as data, whichever generation, and nothing in them is run."""

from __future__ import annotations

import os
import pickle
import sys
import types
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from jobs.core.errors import FormatError, UserError
from jobs.tomodrgn import commands
from jobs.tomodrgn.job_config import NEW, OLD, OURS, describe, read_config
from jobs.tomodrgn.old_folders import open_folder
from jobs.tomodrgn.outputs import read_latent

N, ZDIM, BOX = 144, 2, 32


def foreign_class(module: str, name: str, monkeypatch: pytest.MonkeyPatch) -> type:
    """A class as the original has one, to be pickled by name and not to be had afterwards."""
    parent = types.ModuleType(module)
    made = type(name, (), {"__module__": module})
    setattr(parent, name, made)
    monkeypatch.setitem(sys.modules, module, parent)
    return made


def write_latent_files(folder: Path, *names: str) -> np.ndarray:
    mean = np.random.default_rng(3).normal(size=(N, ZDIM)).astype(np.float32)
    for name in names:
        with (folder / name).open("wb") as file:
            pickle.dump(mean, file)
            pickle.dump(np.zeros_like(mean), file)
    return mean


def old_generation(folder: Path, star: str) -> np.ndarray:
    """Two pickles of config, z.N.pkl."""
    settings = {
        "dataset_args": {
            "particles": star,
            "norm": [0, 176.4],
            "invert_data": False,
            "ind": None,
            "window": True,
            "window_r": 0.85,
            "datadir": "data",
        },
        "lattice_args": {"D": BOX + 1, "extent": 0.5, "ignore_DC": True},
        "model_args": {"qlayersA": 3, "qdimA": 256, "zdim": ZDIM, "players": 3, "pdim": 256},
        "training_args": {"n": 20, "B": 8},
        "seed": 7,
    }
    folder.mkdir()
    with (folder / "config.pkl").open("wb") as file:
        pickle.dump(settings, file)
        pickle.dump({"time": datetime(2022, 8, 26), "cmd": ["tomodrgn", "train_vae"], "version": "0.1"}, file)
    return write_latent_files(folder, "z.0.pkl", "z.1.pkl", "z.pkl")


def new_generation(folder: Path, star: str, monkeypatch: pytest.MonkeyPatch) -> np.ndarray:
    """One pickle of config with classes in it, z.N.train.pkl."""
    kinds = {
        part: foreign_class(f"tomodrgn_{part}", part.title(), monkeypatch)
        for part in ("starfile", "dataset", "lattice", "models")
    }
    settings: dict[str, Any] = {
        "starfile_args": {
            "sourcefile": f"/somewhere/else/{Path(star).name}",
            "source_software": "cryosrpnt",
            "ind_ptcls": None,
            "ind_imgs": None,
            "sourcefile_filtered": "/gone/10076_tomodrgn_preprocessed.star",
            "type": kinds["starfile"],
        },
        "dataset_args": {"norm": (0, np.float32(176.4)), "invert_data": True, "type": kinds["dataset"]},
        "lattice_args": {"boxsize": BOX + 1, "extent": 0.5, "ignore_DC": True, "type": kinds["lattice"]},
        "model_args": {"zdim": ZDIM, "enc_mask": np.ones((BOX + 1) ** 2, bool), "type": kinds["models"]},
        "training_args": {"n": 20},
        "meta": {"time": datetime(2025, 7, 15), "cmd": "tomodrgn train_vae", "version": "1.0.1"},
        "seed": 42,
        "angpix": 13.1,
    }
    folder.mkdir()
    with (folder / "config.pkl").open("wb") as file:
        pickle.dump(settings, file)
    monkeypatch.undo()
    return write_latent_files(folder, "z.0.train.pkl", "z.train.pkl")


def test_that_a_folder_of_the_first_generation_is_read(tmp_path: Path, shared: Path) -> None:
    mean = old_generation(tmp_path / "s", str(shared / "data/tomodrgn/10076_both_32_sim.star"))
    folder = open_folder(tmp_path / "s")
    config = folder.config
    assert (config.generation, config.kind, config.zdim, config.box) == (OLD, "train_vae", ZDIM, BOX)
    assert config.norm == (0.0, 176.4)
    assert config.parts["meta"]["version"] == "0.1"
    np.testing.assert_array_equal(folder.latent()[0], mean)
    particles = folder.particles()
    assert particles.n == N and particles.pixel_size_a == pytest.approx(13.1)


def test_that_a_folder_of_the_second_generation_is_read_with_its_classes_as_names(
    tmp_path: Path, shared: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    star = shared / "data/tomodrgn/10076_both_32_sim.star"
    mean = new_generation(tmp_path / "n", str(star), monkeypatch)
    folder = open_folder(tmp_path / "n")
    config = folder.config
    assert (config.generation, config.zdim, config.box, config.pixel_size_a) == (NEW, ZDIM, BOX, 13.1)
    assert "Models" in config.model["type"] and "tomodrgn_models" not in sys.modules
    np.testing.assert_array_equal(folder.latent()[0], mean)
    text = "\n".join(describe(config))
    assert "tomoDRGN 1.0 or later" in text and "1089 of 1089" in text
    # The particle file has moved beside the folder, as when somebody copies both.
    with pytest.raises(UserError, match="is not where it was"):
        folder.star()
    (tmp_path / star.name).write_bytes(star.read_bytes())
    assert folder.star() == (tmp_path / star.name, False)


class Trap:
    """Runs a command when it is unpickled."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> Any:
        return os.system, (f"touch {self.path}",)


@pytest.mark.parametrize("name", ["config.pkl", "z.pkl"])
def test_that_a_trap_in_a_pickle_is_refused_and_not_sprung(name: str, tmp_path: Path, shared: Path) -> None:
    folder = tmp_path / "s"
    old_generation(folder, str(shared / "data/tomodrgn/10076_both_32_sim.star"))
    sprung = tmp_path / "sprung"
    with (folder / name).open("wb") as file:
        pickle.dump({"dataset_args": Trap(sprung)}, file)
    with pytest.raises(FormatError, match="nothing of it was run"):
        open_folder(folder).latent()
    assert not sprung.exists()


def test_that_a_trap_in_weights_is_refused_and_not_sprung(tmp_path: Path, trained: Path) -> None:
    import shutil

    import torch

    folder, sprung = tmp_path / "copy", tmp_path / "sprung"
    shutil.copytree(trained, folder)
    torch.save({"model_state_dict": Trap(sprung)}, folder / "weights.pkl")
    with pytest.raises(FormatError, match="would run its code"):
        open_folder(folder).model()
    assert not sprung.exists()


def test_that_our_config_is_plain_data_that_anything_reads(trained: Path) -> None:
    with (trained / "config.pkl").open("rb") as file:
        found = pickle.load(file)
        assert not file.read()
    assert {"starfile_args", "dataset_args", "lattice_args", "model_args", "training_args"} < set(found)
    assert found["lattice_args"]["boxsize"] == 33 and found["angpix"] == pytest.approx(13.1)
    config = read_config(trained / "config.pkl")
    assert (config.generation, config.zdim) == (OURS, 3)
    assert config.norm[1] > 0


def test_that_view_config_tells_what_a_training_was_told(
    trained: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert commands.main(["view_config", str(trained)]) == 0
    text = capsys.readouterr().out
    assert "train_vae, written by Heteroscope" in text
    assert "box 32 pixels of 13.1 Å, 3 latent dimensions" in text


def test_that_places_which_are_no_numbers_are_refused(tmp_path: Path) -> None:
    bad = np.zeros((3, 2), np.float32)
    bad[1] = np.nan
    with (tmp_path / "z.pkl").open("wb") as file:
        pickle.dump(bad, file)
    with pytest.raises(FormatError, match="row 2"):
        read_latent(tmp_path / "z.pkl")
