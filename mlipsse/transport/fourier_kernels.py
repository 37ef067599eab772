"""Fourier transforms of sixteen ions at once, of which nothing is kept but the power.

Rows of sixteen numbers lie in flat arrays: eight real parts, eight imaginary ones; an ion is one or
the other, and their sums of powers are the same (Re and Im of a transform of two real series mix,
but what they mix by is odd in the frequency and drops out of the sum over both signs).
"""

import math

import numpy as np
from numba import njit

from mlipsse.transport.fourier_plan import ROW
from mlipsse.transport.vector_lanes import LANES, fetch, fill, load, store, total

_SIN_3 = math.sin(2 * math.pi / 3)
_COS_5, _COS2_5 = math.cos(2 * math.pi / 5), math.cos(4 * math.pi / 5)
_SIN_5, _SIN2_5 = math.sin(2 * math.pi / 5), math.sin(4 * math.pi / 5)


@njit(cache=True, nogil=True)
def transform_columns(
    frames: np.ndarray,
    first: int,
    means: np.ndarray,
    present: np.ndarray,
    drift: np.ndarray,
    radices: np.ndarray,
    twiddles: np.ndarray,
    halves: np.ndarray,
    between: np.ndarray,
    columns: np.ndarray,
    work: np.ndarray,
    products: np.ndarray,
) -> None:
    """Transform every n_rows-th frame, less drift and mean, and those after each of them.

    Parameters
    ----------
    frames : flat, of (n_frames, 3, n_ions), Å
    first : of the ions to take
    means, present : flat, of (3, n_ions), Å; (n_ions,), 0 where there is no ion and else 1
    drift : (n_frames, 3), Å
    radices, twiddles : of a transform of n_columns (`FourierPlan`)
    halves : flat, of (n_columns, 2), what makes its frequencies those between
    between : flat, of (n_rows, 2 n_columns, 2), the twiddles between columns and rows
    columns : flat, of (3, n_together, 2 n_columns) rows, overwritten: columns filled and emptied
        at once, as memory far apart is slow to reach for 128 bytes alone
    work : flat, of (3, 2 n_columns, n_rows + 1) rows, written: the last of n_rows + 1 is spare, so
        that rows of a column do not evict each other
    products : (n_frames, 6), Å²: sum over the ions of x_a x_b at every time, added to
    """
    n_columns = len(halves) // 2
    n_rows = len(between) // (4 * n_columns)
    length = 2 * n_columns * ROW
    if len(work) != 3 * (n_rows + 1) * length:
        # Numba keeps compiled code until its own file changes, not those that it imports.
        raise ValueError("this code is compiled for other rows: remove its __pycache__")
    together = len(columns) // (3 * length)
    ahead = 2 * (n_rows + 1) * ROW
    for start in range(0, n_rows, together):
        stop = min(start + together, n_rows)
        _load_columns(
            frames, first, means, present, drift, halves, n_rows, start, stop, columns, products
        )
        for a in range(3):
            for c in range(a * together, a * together + stop - start):
                transform(columns, c * length, 2 * n_columns, n_columns, radices, twiddles)
            for k in range(2 * n_columns):
                to = ((a * 2 * n_columns + k) * (n_rows + 1) + start) * ROW
                at = a * together * length + k * ROW
                for row in range(start, stop):
                    re, im = load(columns, at), load(columns, at + LANES)
                    fetch(work, (to + ahead,))
                    fetch(work, (to + ahead + LANES,))
                    _store_product(work, to, re, im, between, 2 * (row * 2 * n_columns + k))
                    to += ROW
                    at += length


@njit(cache=True, nogil=True)
def _load_columns(
    frames: np.ndarray,
    first: int,
    means: np.ndarray,
    present: np.ndarray,
    drift: np.ndarray,
    halves: np.ndarray,
    n_rows: int,
    start: int,
    stop: int,
    columns: np.ndarray,
    products: np.ndarray,
) -> None:
    n_frames, n_ions, n_columns = len(drift), len(present), len(halves) // 2
    length = 2 * n_columns * ROW
    of_a = len(columns) // 3
    present_re, present_im = load(present, first), load(present, first + LANES)
    at_y, at_z = n_ions, 2 * n_ions
    x_mean_re, x_mean_im = load(means, first), load(means, first + LANES)
    y_mean_re, y_mean_im = load(means, at_y + first), load(means, at_y + first + LANES)
    z_mean_re, z_mean_im = load(means, at_z + first), load(means, at_z + first + LANES)
    xr = xi = yr = yi = zr = zi = fill(0.0)
    for k in range(n_columns):
        for row in range(start, stop):
            t = k * n_rows + row
            if t < n_frames:
                at = t * 3 * n_ions + first
                dx, dy, dz = fill(drift[t, 0]), fill(drift[t, 1]), fill(drift[t, 2])
                xr = load(frames, at) - x_mean_re - dx * present_re
                xi = load(frames, at + LANES) - x_mean_im - dx * present_im
                yr = load(frames, at + at_y) - y_mean_re - dy * present_re
                yi = load(frames, at + at_y + LANES) - y_mean_im - dy * present_im
                zr = load(frames, at + at_z) - z_mean_re - dz * present_re
                zi = load(frames, at + at_z + LANES) - z_mean_im - dz * present_im
                _add_products(products, t, xr, xi, yr, yi, zr, zi)
            else:
                xr = xi = yr = yi = zr = zi = fill(0.0)
            to = (row - start) * length + k * ROW
            _store_twice(columns, to, xr, xi, n_columns, halves, k)
            _store_twice(columns, to + of_a, yr, yi, n_columns, halves, k)
            _store_twice(columns, to + 2 * of_a, zr, zi, n_columns, halves, k)


@njit(cache=True, nogil=True)
def add_power(
    work: np.ndarray, n_rows: int, radices: np.ndarray, twiddles: np.ndarray, power: np.ndarray
) -> None:
    """Transform what `transform_columns` left, and add the power of each frequency.

    Parameters
    ----------
    work : flat, overwritten
    radices, twiddles : of a transform of n_rows
    power : (2 n_columns n_rows, 6), added to: sum over ions of the real part of X_a conj(X_b), a b
        being xx yy zz xy xz yz, in the order of `FourierPlan.frequencies`
    """
    n_lines = power.shape[0] // n_rows
    length = (n_rows + 1) * ROW
    for line in range(n_lines):
        x, y, z = line * length, (n_lines + line) * length, (2 * n_lines + line) * length
        for start in (x, y, z):
            transform(work, start, n_rows, n_rows, radices, twiddles)
        for k in range(n_rows):
            at = k * ROW
            xr, xi = load(work, x + at), load(work, x + at + LANES)
            yr, yi = load(work, y + at), load(work, y + at + LANES)
            zr, zi = load(work, z + at), load(work, z + at + LANES)
            _add_products(power, line * n_rows + k, xr, xi, yr, yi, zr, zi)


@njit(cache=True, nogil=True)
def transform(
    rows: np.ndarray, start: int, n: int, size: int, radices: np.ndarray, twiddles: np.ndarray
) -> None:
    """Transform n / size series of `size` rows each, in place, by decimation in frequency.

    Gentleman and Sande, AFIPS Conf. Proc. 29, 563 (1966), doi 10.1145/1464291.1464352. The
    frequencies come out with their digits reversed (`FourierPlan`), and are left so.

    Parameters
    ----------
    rows : flat
    start : index of the first number
    n : rows in all
    radices : of the stages, each 2, 3, 4 or 5; their product is `size`
    twiddles : flat, of all stages: cos and -sin of 2 pi j k / n_stage for j below n_stage / radix
        and k from 1 to radix - 1
    """
    at = 0
    for radix in radices:
        apart = size // radix
        for j in range(apart):
            for block in range(start + j * ROW, start + n * ROW, size * ROW):
                if radix == 4:
                    _butterfly_4(rows, block, apart * ROW, twiddles, at)
                elif radix == 5:
                    _butterfly_5(rows, block, apart * ROW, twiddles, at)
                elif radix == 3:
                    _butterfly_3(rows, block, apart * ROW, twiddles, at)
                else:
                    _butterfly_2(rows, block, apart * ROW, twiddles, at)
            at += 2 * (radix - 1)
        size = apart


@njit(cache=True, nogil=True)
def _add_products(sums, row, xr, xi, yr, yi, zr, zi):  # type: ignore[no-untyped-def]
    """Add what xx, yy, zz, xy, xz and yz of all lanes come to, conjugates taken."""
    sums[row, 0] += total(xr * xr + xi * xi)
    sums[row, 1] += total(yr * yr + yi * yi)
    sums[row, 2] += total(zr * zr + zi * zi)
    sums[row, 3] += total(xr * yr + xi * yi)
    sums[row, 4] += total(xr * zr + xi * zi)
    sums[row, 5] += total(yr * zr + yi * zi)


@njit(cache=True, nogil=True)
def _store_twice(columns, at, re, im, n_columns, halves, k):  # type: ignore[no-untyped-def]
    """Write re + i im for the even frequencies of a column, and what is of the odd ones."""
    store(columns, at, re)
    store(columns, at + LANES, im)
    _store_product(columns, at + n_columns * ROW, re, im, halves, 2 * k)


@njit(cache=True, nogil=True)
def _store_product(rows, at, re, im, w, k):  # type: ignore[no-untyped-def]
    """Write re + i im, times the complex number whose parts are w[k] and w[k + 1]."""
    wr, wi = fill(w[k]), fill(w[k + 1])
    store(rows, at, re * wr - im * wi)
    store(rows, at + LANES, re * wi + im * wr)


@njit(cache=True, nogil=True)
def _butterfly_2(rows: np.ndarray, at: int, apart: int, w: np.ndarray, k: int) -> None:
    ar, ai = load(rows, at), load(rows, at + LANES)
    br, bi = load(rows, at + apart), load(rows, at + apart + LANES)
    store(rows, at, ar + br)
    store(rows, at + LANES, ai + bi)
    _store_product(rows, at + apart, ar - br, ai - bi, w, k)


@njit(cache=True, nogil=True)
def _butterfly_3(rows: np.ndarray, at: int, apart: int, w: np.ndarray, k: int) -> None:
    at_b, at_c = at + apart, at + 2 * apart
    ar, ai = load(rows, at), load(rows, at + LANES)
    br, bi = load(rows, at_b), load(rows, at_b + LANES)
    cr, ci = load(rows, at_c), load(rows, at_c + LANES)
    half, sine = fill(0.5), fill(_SIN_3)
    sr, si = br + cr, bi + ci
    dr, di = (br - cr) * sine, (bi - ci) * sine
    store(rows, at, ar + sr)
    store(rows, at + LANES, ai + si)
    mr, mi = ar - half * sr, ai - half * si
    _store_product(rows, at_b, mr + di, mi - dr, w, k)
    _store_product(rows, at_c, mr - di, mi + dr, w, k + 2)


@njit(cache=True, nogil=True)
def _butterfly_4(rows: np.ndarray, at: int, apart: int, w: np.ndarray, k: int) -> None:
    at_b, at_c, at_d = at + apart, at + 2 * apart, at + 3 * apart
    ar, ai = load(rows, at), load(rows, at + LANES)
    br, bi = load(rows, at_b), load(rows, at_b + LANES)
    cr, ci = load(rows, at_c), load(rows, at_c + LANES)
    dr, di = load(rows, at_d), load(rows, at_d + LANES)
    er, ei, fr, fi = ar + cr, ai + ci, ar - cr, ai - ci
    gr, gi, hr, hi = br + dr, bi + di, br - dr, bi - di
    store(rows, at, er + gr)
    store(rows, at + LANES, ei + gi)
    _store_product(rows, at_b, fr + hi, fi - hr, w, k)
    _store_product(rows, at_c, er - gr, ei - gi, w, k + 2)
    _store_product(rows, at_d, fr - hi, fi + hr, w, k + 4)


@njit(cache=True, nogil=True)
def _butterfly_5(rows: np.ndarray, at: int, apart: int, w: np.ndarray, k: int) -> None:
    at_b, at_c, at_d, at_e = at + apart, at + 2 * apart, at + 3 * apart, at + 4 * apart
    ar, ai = load(rows, at), load(rows, at + LANES)
    br, bi = load(rows, at_b), load(rows, at_b + LANES)
    cr, ci = load(rows, at_c), load(rows, at_c + LANES)
    dr, di = load(rows, at_d), load(rows, at_d + LANES)
    er, ei = load(rows, at_e), load(rows, at_e + LANES)
    cos_1, cos_2, sin_1, sin_2 = fill(_COS_5), fill(_COS2_5), fill(_SIN_5), fill(_SIN2_5)
    pr, pi, qr, qi = br + er, bi + ei, br - er, bi - ei
    sr, si, tr, ti = cr + dr, ci + di, cr - dr, ci - di
    store(rows, at, ar + pr + sr)
    store(rows, at + LANES, ai + pi + si)
    fr, fi = ar + cos_1 * pr + cos_2 * sr, ai + cos_1 * pi + cos_2 * si
    gr, gi = sin_1 * qr + sin_2 * tr, sin_1 * qi + sin_2 * ti
    _store_product(rows, at_b, fr + gi, fi - gr, w, k)
    _store_product(rows, at_e, fr - gi, fi + gr, w, k + 6)
    fr, fi = ar + cos_2 * pr + cos_1 * sr, ai + cos_2 * pi + cos_1 * si
    gr, gi = sin_2 * qr - sin_1 * tr, sin_2 * qi - sin_1 * ti
    _store_product(rows, at_c, fr + gi, fi - gr, w, k + 2)
    _store_product(rows, at_d, fr - gi, fi + gr, w, k + 4)
