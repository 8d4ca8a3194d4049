"""Latent spaces of other programs: opened, given volumes without a decoder, and compared."""
