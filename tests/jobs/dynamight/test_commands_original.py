"""Checkpoints of the original: read without their classes, and refused when they ask for more than data."""

from __future__ import annotations

import importlib
import pickle
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
import torch

from jobs.core.errors import FormatError
from jobs.dynamight import commands
from jobs.dynamight.original_checkpoint import read_original_checkpoint
from jobs.dynamight.original_pickle import Stub, read_original

#: Writes a checkpoint with the layout of the original, by classes that only this script has.
_WRITER = """
import sys, types, pathlib, math
from collections import OrderedDict
import numpy as np, torch
for name in ("dynamight", "dynamight.models", "dynamight.models.decoder", "dynamight.models.blocks"):
    sys.modules[name] = types.ModuleType(name)
def put(cls, module):
    cls.__module__ = module
    cls.__qualname__ = cls.__name__
    setattr(sys.modules[module], cls.__name__, cls)
    return cls
class Smoother(torch.nn.Module):
    def __init__(self, c, box):
        super().__init__()
        self.B = torch.nn.Parameter(torch.full((c,), box / 40))
        self.A = torch.nn.Parameter(torch.full((c,), 0.1))
class Decoder(torch.nn.Module):
    def __init__(self, seed):
        super().__init__()
        g = torch.Generator().manual_seed(seed)
        self.box_size, self.ang_pix, self.latent_dim = 64, np.float64(3.0), 6
        self.vol_box, self.n_points, self.n_classes, self.mask = 64, 50, 2, None
        self.model_positions = torch.nn.Parameter(torch.rand(50, 3, generator=g) - 0.5)
        self.amp = torch.nn.Parameter(torch.full((2, 50), 50.0))
        self.ampvar = torch.nn.Parameter(torch.randn(2, 50, generator=g))
        self.image_smoother = Smoother(2, 64)
        self.linear = torch.nn.Sequential(torch.nn.Linear(6, 4, bias=False), torch.nn.ELU())
        self.activation = torch.nn.functional.elu
        self.device = torch.device("cpu")
class Encoder(torch.nn.Module):
    def __init__(self):
        super().__init__(); self.l = torch.nn.Linear(8, 3)
class Poses(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.orientations = torch.nn.Parameter(torch.arange(60.0).reshape(20, 3) / 60)
        self.translations = torch.nn.Parameter(torch.arange(40.0).reshape(20, 2).flip(0))
for cls, module in ((Smoother, "dynamight.models.blocks"), (Decoder, "dynamight.models.decoder"),
                    (Encoder, "dynamight.models.blocks"), (Poses, "dynamight.models.blocks")):
    put(cls, module)
modules = {"encoder_half1": Encoder(), "encoder_half2": Encoder(), "decoder_half1": Decoder(1),
           "decoder_half2": Decoder(2), "poses": Poses()}
state = dict(modules)
if sys.argv[2] == "both":
    state |= {f"{k}_state_dict": m.state_dict() for k, m in modules.items()}
adam = torch.optim.Adam(modules["encoder_half1"].parameters())
modules["encoder_half1"].l(torch.ones(2, 8)).sum().backward(); adam.step()
state |= {"enc_half1_optimizer": adam.state_dict(), "indices_half1": torch.arange(0, 18, 2),
          "indices_val": torch.tensor([18, 19]),
          "refinement_directory": pathlib.Path("Refine3D/job010/run_data.star"),
          "batch_size": 128, "regularization_parameter_h1": 0.25,
          "regularization_parameter_h2": torch.tensor(0.5)}
torch.save(state, sys.argv[1])
d = modules["decoder_half1"]
torch.save({"positions": d.model_positions.detach(),
            "amplitudes": (d.amp * torch.softmax(d.ampvar, 0)).detach(),
            "linear": d.linear[0].weight.detach()}, sys.argv[1] + ".truth")
"""


@pytest.fixture(scope="module", params=["both", "modules only"])
def written(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("original") / "checkpoint_final.pth"
    subprocess.run([sys.executable, "-c", _WRITER, str(path), request.param], check=True, timeout=120)
    return path


def test_that_numbers_of_the_original_are_read_exactly_without_its_classes(written: Path) -> None:
    truth = torch.load(f"{written}.truth", weights_only=True)
    found = read_original_checkpoint(written)
    assert "dynamight" not in sys.modules
    assert (found.box, found.pixel_size_a, found.n_latent, found.batch_size) == (64, 3.0, 6, 128)
    assert len(found.halves) == 2
    assert torch.equal(found.halves[0].positions, truth["positions"])
    amplitudes, sigmas = found.halves[0].amplitudes, found.halves[0].sigmas_px
    assert amplitudes is not None and sigmas is not None
    torch.testing.assert_close(amplitudes, truth["amplitudes"])
    # exp(-(2 r)^2 / B^2) with B = 1.6 px falls to exp(-1/2) at r = sigma
    torch.testing.assert_close(torch.exp(-((2 * sigmas) ** 2) / 1.6**2), torch.full((2,), 0.5).neg().exp())
    assert torch.equal(found.weights["decoder_half1"]["linear.0.weight"], truth["linear"])


def test_that_poses_half_sets_and_particles_are_found(written: Path) -> None:
    found = read_original_checkpoint(written)
    assert found.orientations is not None and found.translations_px is not None
    assert torch.equal(found.orientations, torch.arange(60.0).reshape(20, 3) / 60)
    assert torch.equal(found.translations_px, torch.arange(40.0).reshape(20, 2).flip(0))
    assert found.rows_half1 is not None and found.rows_half1.tolist() == list(range(0, 18, 2))
    assert found.rows_validation is not None and found.rows_validation.tolist() == [18, 19]
    assert found.star == "Refine3D/job010/run_data.star"
    assert found.regularization == (0.25, 0.5)


def test_that_the_command_tells_what_an_original_checkpoint_holds(
    written: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert commands.main(["inspect-checkpoint", str(written)]) == 0
    said = capsys.readouterr().out
    for words in (
        "original DynaMight",
        "50 Gaussians",
        "Box 64 px, pixel size 3 Å",
        "20 particles",
        "2 held out",
    ):
        assert words in said
    assert "estimated again" in said


def _archive(path: Path, pickled: bytes) -> Path:
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("archive/data.pkl", pickled)
        archive.writestr("archive/version", "3\n")
    return path


class _Call:
    def __init__(self, function: object, *words: object) -> None:
        self.call = (function, words)

    def __reduce__(self) -> tuple[object, ...]:
        return self.call


@pytest.mark.parametrize("protocol", [0, 1, 2, 4, 5], ids=lambda number: f"protocol {number}")
@pytest.mark.parametrize(
    "function", ["os.system", "builtins.eval", "subprocess.getoutput", "builtins.getattr"]
)
def test_that_a_pickle_that_wants_to_run_something_is_refused_in_words(
    function: str, protocol: int, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    victim = tmp_path / "victim"
    module, _, name = function.rpartition(".")
    called = getattr(importlib.import_module(module), name)
    word = f"__import__('pathlib').Path({str(victim)!r}).touch()" if name == "eval" else f"touch {victim}"
    call = _Call(called, *([word] if name != "getattr" else ["text", "upper"]))
    path = _archive(tmp_path / "evil.pth", pickle.dumps({"decoder_half1": call}, protocol))
    assert commands.main(["inspect-checkpoint", str(path)]) == 2
    said = capsys.readouterr().err
    assert "evil.pth" in said and "nothing of it was run" in said and "Traceback" not in said
    assert not victim.exists()


def test_that_functions_of_unknown_packages_are_not_called_either(tmp_path: Path) -> None:
    # Global "numpy.f2py.os.system" by its dotted name, called with a command.
    victim = tmp_path / "victim"
    pickled = b"cnumpy.f2py\nos.system\n(S'touch " + str(victim).encode() + b"'\ntR."
    found = read_original(_archive(tmp_path / "evil.pth", pickled))
    assert isinstance(found, Stub) and found.origin == "numpy.f2py.os.system"
    assert not victim.exists()


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"not a zip", "not a checkpoint"),
        (pickle.dumps({"decoder_half1": 1}), "not a checkpoint"),
    ],
    ids=["text", "bare pickle"],
)
def test_that_other_files_are_refused_in_words(content: bytes, said: str, tmp_path: Path) -> None:
    path = tmp_path / "some.pth"
    path.write_bytes(content)
    with pytest.raises(FormatError, match=said):
        read_original_checkpoint(path)


@pytest.mark.parametrize(
    "pickled",
    [b"", b"garbage", pickle.dumps({"decoder_half1": 1})[:-3], b"(lp0\n."],
    ids=["empty", "garbage", "cut off", "a list"],
)
def test_that_damaged_descriptions_are_refused_in_words(pickled: bytes, tmp_path: Path) -> None:
    with pytest.raises(FormatError, match=r"damaged|not a checkpoint of DynaMight"):
        read_original_checkpoint(_archive(tmp_path / "some.pth", pickled))


def test_that_a_tensor_cannot_reach_beyond_its_storage(written: Path, tmp_path: Path) -> None:
    small = tmp_path / "cut.pth"
    with zipfile.ZipFile(written) as source, zipfile.ZipFile(small, "w") as target:
        for name in source.namelist():
            content = source.read(name)
            target.writestr(name, content[: len(content) // 2] if "/data/" in name else content)
    with pytest.raises(FormatError, match="damaged"):
        read_original_checkpoint(small)


def test_that_a_missing_file_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    assert commands.main(["inspect-checkpoint", "nowhere/some.pth"]) == 2
    assert "nowhere/some.pth" in capsys.readouterr().err
