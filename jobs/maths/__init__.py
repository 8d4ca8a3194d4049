"""Shared science as pure functions of tensors.

Letters for axes: `d h w` depth, height, width; `b` batch; `p` particles; `n` Gaussians or points; `k`
motions; `z` latent; points are (x, y, z) in Å about voxel D // 2, volumes [z, y, x], images [y, x].
"""
