"""Writes inputs on which a reader or an estimate once failed, into a folder `inputs` beside it.

Walks on a cubic lattice (hops of 3 Å), 24 Li of known D and 24 Cl that only vibrate (0.12 Å per
direction); the true D is printed.

    python make_inputs.py      # numpy only
"""

import gzip
from pathlib import Path

import numpy as np

HERE = Path(__file__).resolve().parent / "inputs"
HERE.mkdir(exist_ok=True)
L = 24.0
DIRS = 3.0 * np.concatenate([np.eye(3), -np.eye(3)])


def walk(seed, n, hops, n_li=24, n_cl=24, vib=0.12, L=L):
    """hops: per frame (a number or one per frame)."""
    r = np.random.default_rng(seed)
    k = r.poisson(np.broadcast_to(np.asarray(hops, float).reshape(-1, 1), (n, n_li)))
    k[0] = 0
    p = np.repeat(r.uniform(0, L, (1, n_li + n_cl, 3)), n, 0)
    s = np.zeros((n, n_li, 3))
    for i in range(k.max() if k.size else 0):
        m = k > i
        s[m] += DIRS[r.integers(0, 6, m.sum())]
    p[:, :n_li] += s.cumsum(0)
    return p + r.normal(0, vib, p.shape)


def D(hops_per_ps):
    return hops_per_ps * 9 / 6 * 1e-4


def report(name, d):
    print(f"{name:24s} true D = {d:.3e} cm2/s")


def dump(
    p,
    steps,
    cols="xu yu zu",
    el=("Li", "Cl"),
    L=L,
    pre="",
    times=None,
    types=None,
    bounds="pp pp pp",
    zbox=None,
):
    out = [pre]
    for f, q in enumerate(p):
        if times is not None:
            out.append(f"ITEM: TIME\n{times[f]:.6f}\n")
        z = f"0 {L}" if zbox is None else zbox
        out.append(
            f"ITEM: TIMESTEP\n{steps[f]}\nITEM: NUMBER OF ATOMS\n{len(q)}\n"
            f"ITEM: BOX BOUNDS {bounds}\n0 {L}\n0 {L}\n{z}\nITEM: ATOMS id type element {cols}\n"
        )
        w = q if "u" in cols else np.mod(q, [L, L, L if zbox is None else 1e9])
        for i, (a, b, c) in enumerate(w):
            t = (1 if i < 24 else 2) if types is None else types[i]
            out.append(f"{i + 1} {t} {el[t - 1]} {a:.3f} {b:.3f} {c:.3f}\n")
    return "".join(out)


def put(name, text):
    if name.endswith(".gz"):
        (HERE / name).write_bytes(gzip.compress(text.encode(), 9, mtime=0))
    else:
        (HERE / name).write_text(text)


def xyz(p, head=lambda f: "", L=L, names=None, cols="species:S:1:pos:R:3", row=None):
    out = []
    for f, q in enumerate(np.mod(p, L)):
        out.append(
            f'{len(q)}\nLattice="{L} 0 0 0 {L} 0 0 0 {L}" Properties={cols} pbc="T T T" {head(f)}\n'
        )
        out += (
            [
                f"{'Li' if i < 24 else 'Cl'} {a:.3f} {b:.3f} {c:.3f}\n"
                for i, (a, b, c) in enumerate(q)
            ]
            if row is None
            else row(f, q)
        )
    return "".join(out)


def xdat(p, steps, L=L, heads=()):
    h = f"Li Cl\n           1\n    {L:.6f} 0.0 0.0\n    0.0 {L:.6f} 0.0\n    0.0 0.0 {L:.6f}\n"
    h += "   Li   Cl\n   24   24\n"
    out = []
    for f, q in enumerate(np.mod(p / L, 1)):
        if f == 0 or f in heads:
            out.append(h)
        out.append(
            f"Direct configuration={steps[f]:6d}\n"
            + "".join("{:12.8f}{:12.8f}{:12.8f}\n".format(*x) for x in q)
        )
    return "".join(out)


def rows(name, a):
    return (
        f'<varray name="{name}" >\n'
        + "".join("<v> {:.6f} {:.6f} {:.6f} </v>\n".format(*tuple(r)) for r in a)
        + "</varray>\n"
    )


def vasprun(p, potim, dft=None, incar="", L=L):
    C = np.eye(3) * L
    e = '<i name="e_fr_energy">-1.0</i><i name="e_wo_entrp">-1.0</i><i name="e_0_energy">-1.0</i>'
    fr = np.mod(p / L, 1)
    z = np.zeros((1, 3)).repeat(p.shape[1], 0)

    def S(f):
        return (
            "<crystal>\n"
            + rows("basis", C)
            + "</crystal>\n"
            + rows("positions", fr[f])
            + "</structure>\n"
        )

    out = [
        '<?xml version="1.0" encoding="ISO-8859-1"?>\n<modeling>\n'
        '<incar><i type="int" name="IBRION"> 0</i>'
        f'<i name="POTIM">{potim:16.8f}</i>{incar}</incar>\n'
        '<kpoints><varray name="kpointlist"><v>0 0 0</v></varray>'
        '<varray name="weights"><v>1</v></varray></kpoints>\n'
        '<parameters><i type="int" name="NSW">30</i></parameters>\n'
        '<atominfo><array name="atoms"><set>'
        + "".join(f"<rc><c>{s}</c><c>1</c></rc>" for s in ["Li"] * 24 + ["Cl"] * 24)
        + '</set></array></atominfo>\n<structure name="initialpos">\n'
        + S(0)
    ]
    for f in range(len(p)):
        if dft is None or dft[f]:
            out.append(
                f"<calculation>\n<scstep><energy>{e}</energy></scstep>\n<structure>\n"
                + S(f)
                + rows("forces", z)
                + rows("stress", np.zeros((3, 3)))
                + f"<energy>{e}</energy>\n</calculation>\n"
            )
        else:
            out.append(
                "<structure>\n"
                + S(f)
                + '<energy><i name="e_fr_energy">-1.0</i><i name="kinetic">1.0</i></energy>\n'
            )
    return "".join(out) + "</modeling>\n"


N = 600
st = np.arange(N) * 100
d = D(0.3)
p = walk(2, N, 0.03)
# 1 melted: framework moves too, at 1000 K
for T in (700, 800, 900, 1000):
    h = 40 * np.exp(-0.3 / 8.617333e-5 / T) * 0.1 * (4 if T == 1000 else 1)
    q = walk(T, N, h, 24, 0, vib=0.12)
    c = walk(T + 1, N, h if T == 1000 else 0.0, 24, 0)
    put(f"melt-{T}.lammpstrj.gz", dump(np.concatenate([q, c], 1), st))
    report(f"melt-{T}", D(h * 10))
# 2 image flags lost at restarts in one appended file
q = p.copy()
for k in (150, 300, 450):
    q[k:] -= np.floor(q[k] / L) * L
put("flags-lost.lammpstrj.gz", dump(q, st))
report("flags-lost", d)
# 3 vasprun of an ML training run: 8 % of steps DFT
q = walk(3, 5000, 0.003, L=30.0)
r = np.random.default_rng(0)
dft = r.random(5000) < np.where(np.arange(5000) < 300, 0.4, 0.08)
dft[0] = True
put(
    "vasprun-ml.xml",
    vasprun(
        q[dft | (np.arange(5000) % 50 == 1)],
        10.0,
        dft[dft | (np.arange(5000) % 50 == 1)],
        '<i type="logical" name="ML_LMLFF"> T </i>',
        30.0,
    ),
)
report("vasprun-ml", D(0.3))
# 4 two vasprun.xml, POTIM 100 then 400 fs
put("vasprun-a.xml", vasprun(walk(4, 300, 0.01), 50.0))
x = walk(4, 300, 0.01)
y = walk(5, 300, 0.04)
y += x[-1] - y[0]
put("vasprun-b.xml", vasprun(y, 200.0))
report("vasprun-a + -b", D(0.2))
# 5 XDATCAR: NBLOCK 10 then 50, seen from its own numbers (POTIM 10 fs)
x = walk(6, 300, 0.01)
y = walk(7, 300, 0.05)
y += x[-1] - y[0]
put(
    "XDATCAR-nblock",
    xdat(
        np.concatenate([x, y]),
        [10 * (i + 1) for i in range(300)] + [3000 + 50 * (i + 1) for i in range(300)],
    ),
)
report("XDATCAR-nblock", D(0.1))
# 6 GPUMD: Time= in fs, spacing changes
t = [100.0 * (i + 1) for i in range(300)] + [30000 + 500.0 * (i + 1) for i in range(300)]
put("gpumd.xyz", xyz(np.concatenate([x, y]), lambda f: f"Time={t[f]:.3f}"))
report("gpumd", D(0.1))
# 8 blank line
a = xyz(p[:300]) + "\n" + xyz(p[300:])
put("blank-line.xyz", a)
report("blank-line", d)
# 9 id column, near Li change places in the file
r = np.random.default_rng(1)
cur = np.arange(48)
perm = []
w = np.mod(p, L)
for f in range(N):
    if r.random() < 0.1:
        i = r.integers(24)
        g = w[f][cur[:24]] - w[f][cur[i]]
        g -= np.rint(g / L) * L
        g = (g**2).sum(1)
        g[i] = 1e9
        j = g.argmin()
        if g[j] < 49:
            cur = cur.copy()
            cur[[i, j]] = cur[[j, i]]
    perm.append(cur)
put(
    "id-column.xyz",
    xyz(
        p,
        lambda f: f"Timestep={f * 100}",
        cols="id:I:1:species:S:1:pos:R:3",
        row=lambda f, q: [
            f"{k + 1} {'Li' if k < 24 else 'Cl'} {q[k][0]:.3f} {q[k][1]:.3f} {q[k][2]:.3f}\n"
            for k in perm[f]
        ],
    ),
)
report("id-column", d)
# 10 reset_timestep in one file
put("reset-timestep.lammpstrj.gz", dump(p, np.r_[np.arange(450), np.arange(150)] * 100, "x y z"))
report("reset-timestep", d)
# 12 element column of the file wrong / the default C; --species given
a, b, c = walk(1, N, 0.06, 24, 0), walk(2, N, 0.015, 24, 0), walk(3, N, 0.0, 0, 24)
put(
    "element-column.lammpstrj.gz",
    dump(
        np.concatenate([a, b, c], 1),
        st,
        el=("Na", "Li", "Cl"),
        types=[1] * 24 + [2] * 24 + [3] * 24,
    ),
)
report("element-column (Li=1)", D(0.6))
put("element-C.lammpstrj.gz", dump(p, st, el=("C", "C")))
report("element-C", d)
# 14 only Li in the file, and the whole drifts
q = walk(1, N, 0.03, 24, 0)
q += np.arange(N)[:, None, None] * 0.1 * np.array([0.3, 0, 0])
put("drift-li-only.lammpstrj.gz", dump(q, st))
report("drift-li-only", d)
# 17 two populations
q = np.concatenate([walk(5, N, 0.15, 4, 0), walk(6, N, 0.0, 20, 24)], 1)
put("two-populations.lammpstrj.gz", dump(q, st))
report("two-populations (mean)", D(1.5) * 4 / 24)
# 18 numbers that run together in an XDATCAR (VASP, matsci.org 61831)
f = (np.mod(p / L + 0.5, 1) - 0.5)[:60]
put(
    "XDATCAR-tight",
    "Li Cl\n 1\n 24.0 0 0\n 0 24.0 0\n 0 0 24.0\n Li Cl\n 24 24\n"
    + "".join(
        f"Direct configuration={k + 1:6d}\n"
        + "".join("{:11.8f}{:11.8f}{:11.8f}\n".format(*x) for x in q)
        for k, q in enumerate(f)
    ),
)
# 19 CSVs
put(
    "negative-ea.csv",
    "temperature_K,diffusivity_cm2_s,diffusivity_std_cm2_s\n600,6.9e-3,7e-4\n700,5.2e-3,5e-4\n800,4.3e-3,4e-4\n",
)
(HERE / "excel-bom.csv").write_bytes(
    b"\xef\xbb\xbftemperature_K,diffusivity_cm2_s,diffusivity_std_cm2_s\r\n600,3e-6,3e-7\r\n700,7e-6,7e-7\r\n"
)
