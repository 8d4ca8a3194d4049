from __future__ import annotations

import pytest
import torch

from jobs.maths.rotations import random_rotations
from jobs.maths.slice_tables import add_slices, read_slices
from jobs.maths.slices import SlicePlane

SIZE, K, PADDING = 24, 3, 2.0


def samples(n: int = 20) -> tuple[torch.Tensor, torch.Tensor, torch.Generator]:
    g = torch.Generator().manual_seed(0)
    return SlicePlane.make(12, 5.9).xy, random_rotations(n, g), g


def test_that_the_compiled_reading_of_slices_is_that_of_plain_torch() -> None:
    xy, rotations, g = samples()
    table = torch.randn(SIZE * SIZE * (SIZE // 2 + 1), 2 * K, generator=g)
    found, expected = (
        read_slices(table, SIZE, xy, rotations, PADDING, backend) for backend in ("numba", "torch")
    )
    torch.testing.assert_close(found, expected, atol=2e-5, rtol=1e-4)


def test_that_the_compiled_sums_over_slices_are_those_of_plain_torch() -> None:
    xy, rotations, g = samples()
    n, m = len(rotations), len(xy)
    square, data = torch.rand(n, m, generator=g), torch.randn(n, m, 2, generator=g)
    moments, means = torch.randn(n, 6, generator=g), torch.randn(n, K, generator=g)
    sums = [torch.zeros(SIZE * SIZE * (SIZE // 2 + 1), 6 + 2 * K) for _ in range(2)]
    for backend, there in zip(("numba", "torch"), sums, strict=True):
        add_slices(there, SIZE, xy, rotations, PADDING, square, data, moments, means, backend)  # type: ignore[arg-type]
    torch.testing.assert_close(sums[0], sums[1], atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize("backend", ["numba", "torch"])
def test_that_sums_over_slices_are_adjoint_to_reading_them(backend: str) -> None:
    xy, rotations, g = samples()
    n, m = len(rotations), len(xy)
    table = torch.randn(SIZE * SIZE * (SIZE // 2 + 1), 2, generator=g)
    data = torch.randn(n, m, 2, generator=g)
    sums = torch.zeros_like(table)
    nothing, ones = torch.zeros(n, 0), torch.ones(n, 1)
    add_slices(sums, SIZE, xy, rotations, PADDING, torch.ones(n, m), data, nothing, ones, backend)  # type: ignore[arg-type]
    seen = read_slices(table, SIZE, xy, rotations, PADDING, backend)  # type: ignore[arg-type]
    assert float((seen * data).sum()) == pytest.approx(float((sums * table).sum()), rel=1e-3)


def test_that_rotations_that_are_no_numbers_are_refused() -> None:
    xy, rotations, _ = samples(2)
    rotations[1, 0, 0] = float("nan")
    with pytest.raises(ValueError, match="finite"):
        read_slices(torch.zeros(SIZE * SIZE * (SIZE // 2 + 1), 2), SIZE, xy, rotations, PADDING)
