"""AIMD of VASP as files in VASP's layout."""

import numpy as np

from tests.support.labels.fake_vasp import energies, rows

SYMBOLS = ["Li"] * 3 + ["Cl"] * 5


def vasprun(
    fractions: np.ndarray, boxes: np.ndarray, *, ibrion: int = 0, potim: float = 2.0
) -> str:
    """A `vasprun.xml` of dynamics of `SYMBOLS` without forces."""
    listed = "".join(
        f"<rc><c>{symbol}</c><c>{1 if symbol == 'Li' else 2}</c></rc>" for symbol in SYMBOLS
    )
    steps = []
    energy = energies(-1.0, 0.0)
    for fraction, box in zip(fractions % 1, boxes, strict=True):
        steps.append(
            f"<calculation>\n<scstep><energy>{energy}</energy></scstep>\n"
            + "<structure>\n<crystal>\n" + rows("basis", box) + "</crystal>\n"
            + rows("positions", fraction) + "</structure>\n"
            + rows("forces", np.zeros_like(fraction)) + rows("stress", np.zeros((3, 3)))
            + f"<energy>{energy}</energy>\n</calculation>\n"
        )  # fmt: skip
    structure = steps[0][steps[0].index("<crystal>") : steps[0].index("</structure>")]
    return (
        '<?xml version="1.0" encoding="ISO-8859-1"?>\n<modeling>\n'
        f'<incar><i type="int" name="IBRION">{ibrion:6d}</i>'
        f'<i name="POTIM">{potim:16.8f}</i></incar>\n'
        '<kpoints><varray name="kpointlist"><v>0 0 0</v></varray>'
        '<varray name="weights"><v>1</v></varray></kpoints>\n'
        '<parameters><i type="int" name="NSW">30</i></parameters>\n'
        f'<atominfo><array name="atoms"><set>{listed}</set></array></atominfo>\n'
        f'<structure name="initialpos">\n{structure}</structure>\n'
        + "".join(steps) + "</modeling>\n"
    )  # fmt: skip
