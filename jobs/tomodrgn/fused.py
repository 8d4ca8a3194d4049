"""Misfit of the decoder and all its gradients in one pass over the images.

The misfit is a sum over samples, so that the gradient at each sample is known as soon as the sample is
evaluated. Images are taken in portions that stay in the cache: each is evaluated, compared and differentiated
before the next one, and nothing of it is kept. The numbers are those of automatic differentiation, without
its memory (every hidden layer of every sample), without gradients nobody asks for, and with fewer passes over
memory: the identity of a residual layer is part of its weights.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor

from jobs.tomodrgn.batches import PixelDraw
from jobs.tomodrgn.encodings import half_space
from jobs.tomodrgn.sampling import expected_sizes, inclusion, systematic

#: Rows (samples of images) in a portion; on a CPU for each thread, as many as its cache holds.
_ROWS_CPU, _ROWS_GPU = 800, 1 << 18
_SLOPE = 0.01


@dataclass(frozen=True)
class Samples:
    """What the slices of a batch are compared with; see :class:`jobs.tomodrgn.batches.Batch`.

    Attributes
    ----------
    xy
        ``(m, 2)`` samples in units of the encoding's coordinates, or ``(n, m, 2)`` other ones of each image.
    waves
        ``(3, w)`` vectors of the encoding; None when coordinates are the features.
    rotations, coefficients, ctf, weight
        Of the images.
    offset
        ``(n, m, 2)`` coefficients that the decoder adds to, or None; it may have a gradient.
    draw
        Which samples of each image are looked at; None = all.
    """

    xy: Tensor
    waves: Tensor | None
    rotations: Tensor
    coefficients: Tensor
    ctf: Tensor
    weight: Tensor | None
    offset: Tensor | None = None
    draw: PixelDraw | None = None

    @property
    def n_features(self) -> int:
        """Features per sample."""
        return 3 if self.waves is None else 2 * self.waves.shape[1]


def fused_misfit(
    samples: Samples, bias: Tensor, weights: list[Tensor], leaky: bool, dtype: torch.dtype
) -> Tensor:
    """Sum over all samples of ``weight |ctf slice - coefficient|^2``, with gradients of bias and weights.

    Parameters
    ----------
    samples
        Images.
    bias
        ``(n, h)`` what the first layer adds for each image: its bias and what it makes of the latent vector.
    weights
        Matrix ``(h, features)`` of the first layer, then matrix ``(h, h)`` and bias of each hidden layer,
        then matrix ``(2, h)`` and bias of the last; the identity of residual layers is part of the matrices.
    leaky
        Whether the activation is ``leaky_relu``.
    dtype
        Precision of the matrix products; sums and gradients are float32.
    """
    left_out: Tensor | None = None
    if samples.draw is not None:
        samples, left_out = drawn(samples)
    result: Tensor = _Misfit.apply(  # type: ignore[no-untyped-call]
        samples, leaky, dtype, samples.offset, bias, *weights
    )
    return result if left_out is None else result + left_out


def drawn(samples: Samples) -> tuple[Samples, Tensor]:
    """Samples that were drawn, weighted by how rarely they are, and what else belongs to the misfit.

    That is the misfit of what the decoder adds to, of all samples less the drawn ones. It is cheap, and
    spares value and gradients the scatter of all that does not depend on the network.
    """
    assert samples.draw is not None
    c, ctf, offset = samples.coefficients, samples.ctf, samples.offset
    residual = -c if offset is None else ctf[..., None] * offset - c
    with torch.no_grad():
        probability = inclusion(expected_sizes(ctf, samples.weight, residual), samples.draw.kept)
        chosen = systematic(probability, samples.draw)
        weight = (1 / probability.gather(1, chosen)).to(c.dtype)
        if samples.weight is not None:
            weight = weight * samples.weight.gather(1, chosen)
    pairs = chosen[..., None].expand(-1, -1, 2)
    kept = replace(
        samples,
        xy=samples.xy[chosen],
        coefficients=c.gather(1, pairs),
        ctf=ctf.gather(1, chosen),
        weight=weight,
        offset=None if offset is None else offset.gather(1, pairs),
        draw=None,
    )
    square = residual.square().sum(-1)
    whole = square if samples.weight is None else square * samples.weight
    return kept, whole.sum() - (square.gather(1, chosen) * weight).sum()


class _Misfit(torch.autograd.Function):
    """Computes gradients forward and only scales them backward."""

    @staticmethod
    def forward(
        ctx: Any,
        samples: Samples,
        leaky: bool,
        dtype: torch.dtype,
        offset: Tensor | None,
        bias: Tensor,
        *weights: Tensor,
    ) -> Tensor:
        wanted = any(ctx.needs_input_grad)
        work = _Work(samples, leaky, dtype, bias, weights, wanted)
        if ctx.needs_input_grad[3]:
            assert offset is not None
            work.offset_gradient = torch.empty_like(offset)
        total = work.run()
        if wanted:
            ctx.save_for_backward(work.offset_gradient, work.bias_gradient, *work.gradients)
        return total

    @staticmethod
    def backward(ctx: Any, outer: Tensor) -> tuple[Tensor | None, ...]:
        return (None, None, None, *(g if g is None else g * outer for g in ctx.saved_tensors))


class _Work:
    """One evaluation: buffers, the loop over portions, and the gradients."""

    def __init__(
        self,
        samples: Samples,
        leaky: bool,
        dtype: torch.dtype,
        bias: Tensor,
        weights: tuple[Tensor, ...],
        wanted: bool,
    ) -> None:
        self.samples, self.leaky, self.wanted = samples, leaky, wanted
        self.bias = bias.to(dtype)
        self.matrices = [w.detach().to(dtype) for w in weights if w.ndim == 2]
        self.offsets = [w.detach().to(dtype) for w in weights if w.ndim == 1]
        self.gradients = [torch.zeros_like(w, dtype=torch.float32) for w in weights]
        self.bias_gradient = torch.zeros_like(bias, dtype=torch.float32)
        self.matrix_gradients = [g for g in self.gradients if g.ndim == 2]
        self.offset_gradients = [g for g in self.gradients if g.ndim == 1]
        self.offset_gradient: Tensor | None = None
        self.n, self.m = samples.ctf.shape
        limit = _ROWS_GPU if bias.is_cuda else _ROWS_CPU * torch.get_num_threads()
        # Some images, or a part of one, with portions as equal as can be.
        self.images = -(-self.n // max(1, round(self.n * self.m / limit))) if self.m <= limit else 1
        self.pixels = -(-self.m // max(1, round(self.m / limit)))
        rows, width = self.images * self.pixels, bias.shape[1]
        n_hidden = len(self.matrices) - 1

        def buffer(n_columns: int) -> Tensor:
            return torch.empty(rows, n_columns, device=bias.device, dtype=dtype)

        self.features = buffer(samples.n_features)
        self.layers = [buffer(width) for _ in range(n_hidden)]
        self.spare = [buffer(width) for _ in range(2)] if wanted else []

    def run(self) -> Tensor:
        """The misfit; gradients are left in the lists."""
        total = torch.zeros((), device=self.bias.device)
        for part, pixels in self._portions():
            sign = self._encode(part, pixels)
            out = self._forward(part, sign.shape[1])
            out_gradient = self._compare(part, pixels, out, sign, total)
            if self.wanted:
                self._backward(part, out_gradient)
        return total

    def _portions(self) -> Iterator[tuple[slice, slice]]:
        """Images and samples of them that are taken together."""
        for start in range(0, self.n, self.images):
            for first in range(0, self.m, self.pixels):
                yield (
                    slice(start, min(self.n, start + self.images)),
                    slice(first, min(self.m, first + self.pixels)),
                )

    def _encode(self, part: slice, pixels: slice) -> Tensor:
        """Write the features of some samples; return the sign ``(c, m)`` of their imaginary parts."""
        s = self.samples
        rows = s.rotations[part, :2]
        xy = s.xy[pixels] if s.xy.ndim == 2 else s.xy[part, pixels]
        sign = half_space(xy @ rows)
        folded = xy * sign[..., None]
        features = self.features[: sign.numel()].view(*sign.shape, -1)
        if s.waves is None:
            features.copy_(folded @ rows)
            return sign
        phase = folded @ (rows @ s.waves)
        w = phase.shape[-1]
        if features.dtype == phase.dtype:
            torch.sin(phase, out=features[..., :w])
            torch.cos(phase, out=features[..., w:])
        else:
            features[..., :w] = torch.sin(phase)
            features[..., w:] = torch.cos(phase)
        return sign

    def _forward(self, part: slice, m: int) -> Tensor:
        """Fill the hidden layers for some images with ``m`` samples each; return the output ``(rows, 2)``."""
        bias = self.bias[part]
        rows = len(bias) * m
        values = self.layers[0][:rows]
        values.view(len(bias), m, -1).copy_(bias[:, None])
        self._activate(values.addmm_(self.features[:rows], self.matrices[0].T))
        for layer, matrix, offset in zip(
            self.layers[1:], self.matrices[1:-1], self.offsets[:-1], strict=True
        ):
            values = self._activate(torch.addmm(offset, values, matrix.T, out=layer[:rows]))
        return torch.addmm(self.offsets[-1], values, self.matrices[-1].T).float()

    def _activate(self, values: Tensor) -> Tensor:
        return torch.nn.functional.leaky_relu_(values, _SLOPE) if self.leaky else values.relu_()

    def _compare(self, part: slice, pixels: slice, out: Tensor, sign: Tensor, total: Tensor) -> Tensor:
        """Add the misfit to ``total``; return its gradient with respect to the output ``(rows, 2)``."""
        s = self.samples
        out = out.view(*sign.shape, 2)
        factor = s.ctf[part, pixels][..., None]
        signs = torch.stack((torch.ones_like(sign), sign), dim=-1)
        slices = out * signs
        if s.offset is not None:
            slices = slices + s.offset[part, pixels]
        difference = slices * factor - s.coefficients[part, pixels]
        weighted = difference if s.weight is None else difference * s.weight[part, pixels][..., None]
        total += torch.dot(weighted.flatten(), difference.flatten())
        gradient = 2 * weighted * factor
        if self.offset_gradient is not None:
            self.offset_gradient[part, pixels] = gradient
        return (gradient * signs).view(-1, 2)

    def _backward(self, part: slice, gradient: Tensor) -> None:
        """Add the gradients of some images."""
        rows = len(gradient)
        outer = gradient.to(self.bias.dtype)
        values = self.layers[-1][:rows]
        self._add(-1, outer, values)
        self.offset_gradients[-1] += gradient.sum(0)
        now, other = (spare[:rows] for spare in self.spare)
        torch.mm(outer, self.matrices[-1], out=now)
        for i in range(len(self.layers) - 1, 0, -1):
            self._through(now, self.layers[i][:rows])
            self._add(i, now, self.layers[i - 1][:rows])
            self.offset_gradients[i - 1] += now.sum(0, dtype=torch.float32)
            torch.mm(now, self.matrices[i], out=other)
            now, other = other, now
        self._through(now, self.layers[0][:rows])
        self._add(0, now, self.features[:rows])
        bias_gradient = self.bias_gradient[part]
        images = now.view(len(bias_gradient), -1, now.shape[1])
        bias_gradient += images.sum(1, dtype=torch.float32)

    def _add(self, layer: int, gradient: Tensor, values: Tensor) -> None:
        total = self.matrix_gradients[layer]
        if gradient.dtype == total.dtype:
            total.addmm_(gradient.T, values)
        else:
            total += torch.mm(gradient.T, values)

    def _through(self, gradient: Tensor, values: Tensor) -> None:
        """Bring a gradient from behind the activation to before it, in place."""
        if self.leaky:
            torch.ops.aten.leaky_relu_backward(gradient, values, _SLOPE, True, grad_input=gradient)
        else:
            torch.ops.aten.threshold_backward(gradient, values, 0, grad_input=gradient)
