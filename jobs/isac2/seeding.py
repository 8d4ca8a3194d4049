"""Random numbers that depend on what they are for, not on what was drawn before."""

from __future__ import annotations

import hashlib

import torch

_BITS = 63


def derived_seed(seed: int, *purpose: int | str) -> int:
    """Return the seed of one purpose, a number of 63 bits.

    Parameters
    ----------
    seed
        The seed of the run.
    *purpose
        What the numbers are for, for example ``("alignment", main, generation, inner)``.

    Returns
    -------
    int
        The same number on every machine and in every process; unrelated for another purpose.
    """
    # repr keeps 1 and "1" apart, and the separator ("a", "b") and ("ab",).
    text = "\x1f".join(repr(part) for part in (int(seed), *purpose))
    digest = hashlib.blake2b(text.encode(), digest_size=8).digest()
    return int.from_bytes(digest, "little") >> (64 - _BITS)


def generator(seed: int, *purpose: int | str) -> torch.Generator:
    """Return the source of random numbers for one purpose.

    It lives on the CPU whatever computes with its numbers, so that every device sees the same ones,
    and nothing of it needs to be stored: who resumes a run asks for the same purpose again.

    Parameters
    ----------
    seed
        The seed of the run.
    *purpose
        What the numbers are for, for example ``("alignment", main, generation, inner)``.

    Returns
    -------
    torch.Generator
        A fresh generator at its start.
    """
    return torch.Generator(device="cpu").manual_seed(derived_seed(seed, *purpose))
