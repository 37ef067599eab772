"""Where acceptance draws its lines, and why there."""

from dataclasses import dataclass


@dataclass(frozen=True)
class AcceptanceLimits:
    """What a model must keep to be accepted.

    Attributes
    ----------
    drift_meV_atom_ps : of the total energy at constant energy, at the highest temperature. 0.1
        heats a crystal by 0.4 K/ps, which a thermostat of 0.1 ps takes out at an offset of 0.04 K;
        potentials whose forces are no gradient drift by tens (Bigi, Langer, Ceriotti, 2024,
        «The dark side of the forces», doi 10.48550/arXiv.2412.11569). `potential check` asks for
        0.01 at 300 K, where integration errors are smaller
    residual : of the Birch-Murnaghan fit, root mean square over the rise of the energies within
        the scan. A smooth curve of Li3InCl6 within +-8 % leaves 0.0003
    minimum_shift : of the equation of state's minimum from the cell that the model relaxes to,
        relative volume: both follow from one energy if stress and energy belong together, and
        0.01 (0.3 % in length) is what a relaxation to 0.05 eV/Å leaves in soft halides
    volume_error : of the minimum from the one of the labels' own potential along the same cells,
        relative volume. PBE and SCAN differ by some 3 % in volume of solids (Sun, Ruzsinszky,
        Perdew, Phys. Rev. Lett. 115, 036402, 2015, doi 10.1103/PhysRevLett.115.036402: 1 % in
        length): a model further than this from its labels might as well have had others
    other_functional : the same against a potential of another functional, whose own difference
        comes on top: 0.08
    mobile_pair_A : the published failure is a Li-Li pair at 0.7 Å (Deng et al. 2025, doi
        10.1039/d5ta05321h); no mobile pair may come below 1 Å, nor any pair below
        `mlipsse.structures.contacts.CLOSEST_CONTACT`
    rdf_difference : of partial radial distribution functions, 0 for equal ones and 1 for ones
        without overlap (see `pair_distribution`), beyond what short runs differ by anyway. A peak
        0.15 Å wide that shifts by 0.06 Å differs by 0.15; potentials of PBE and r2SCAN labels
        differ by up to 0.09 in Li3InCl6
    wall_kT : a hole behind a barrier of this many k_B T is found in production: at 20, with 1e13
        attempts per second and pair, some 1e4 in a nanosecond at a success of 2e-9 each, 1000
        pairs fall into it once in 50 ns. Higher holes are reported and do not refuse
    wall_A : walls are asked to rise down to this distance
    """

    drift_meV_atom_ps: float = 0.1
    residual: float = 0.05
    minimum_shift: float = 0.01
    volume_error: float = 0.03
    other_functional: float = 0.08
    mobile_pair_A: float = 1.0
    rdf_difference: float = 0.15
    wall_kT: float = 20.0
    wall_A: float = 1.0


LIMITS = AcceptanceLimits()
