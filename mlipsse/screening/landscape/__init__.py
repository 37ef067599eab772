"""Frozen-framework landscapes: the energy of one mobile ion wherever it may be, all else at rest.

The method is that of Maevskiy et al., «Predicting ionic conductivity in solids from the
machine-learned potential energy landscape», PRX Energy / Phys. Rev. Research (2025),
arXiv:2411.06804.
"""
