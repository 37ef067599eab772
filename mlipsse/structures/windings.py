"""Clusters of points on a periodic grid that know how they wind around the crystal, compiled.

Union-find in which every point has the image that it lies in relative to its cluster's root (Machta
et al., Phys. Rev. E 54, 1332 (1996)): two ways to one point by different images wind.
"""

import numpy as np
from numba import njit


@njit(cache=True, nogil=True)
def root(voxel: int, parent: np.ndarray, image: np.ndarray) -> int:
    """Root of a voxel's cluster; afterwards the root is its parent, `image` relative to it."""
    root = voxel
    a, b, c = 0, 0, 0
    while parent[root] != root:
        a += image[root, 0]
        b += image[root, 1]
        c += image[root, 2]
        root = parent[root]
    while parent[voxel] != root and voxel != root:
        above = parent[voxel]
        own_a, own_b, own_c = image[voxel, 0], image[voxel, 1], image[voxel, 2]
        parent[voxel] = root
        image[voxel, 0], image[voxel, 1], image[voxel, 2] = a, b, c
        a, b, c = a - own_a, b - own_b, c - own_c
        voxel = above
    return root
