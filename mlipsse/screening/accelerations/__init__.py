"""Diffusivity from the accelerations of displaced crystals, by an equivariant network.

After Maevskiy et al., Machine Learning for Accelerated Discovery of Superionic Solids, whose first
method gives a network the accelerations of atoms that are displaced at random, and no species. They
do not state the displacement, the cutoff or the size of the network: those here are our own.
"""
