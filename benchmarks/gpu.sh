#!/bin/bash
# The engines for MACE on this machine's GPU, in one command of at most eight minutes:
#
#   benchmarks/gpu.sh [FOLDER]                  # results, default gpu-results
#   PYTHON=python3 benchmarks/gpu.sh            # an environment that has mlipsse and a torch for GPUs
#
# makes .venv where there is no such Python, builds the pair style, compares TorchScript, AOTInductor,
# symmetrix-xl (in mlipsse lmp) and ASE with mace-torch in float64, times 300 to 20,000 atoms in
# float32, and writes FOLDER/table.md and FOLDER/rows.json. ML-IAP and ACEsuit's fork, which require a
# LAMMPS of their own, are left out. Without a GPU it tries the same on the CPU with few atoms, writes
# no table, and ends with exit code 0. What does not fit into the time is left out, and the table says
# so.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
started=$SECONDS
folder=${1:-gpu-results}
python=${PYTHON:-.venv/bin/python}
if ! "$python" -c 'import mlipsse, torch, lammps' 2>/dev/null; then
    if [ -n "${PYTHON:-}" ]; then
        echo "Error: $PYTHON lacks mlipsse, torch or lammps. Leave PYTHON out to make .venv." >&2
        exit 2
    fi
    make .venv/.installed TORCH="${TORCH:-torch==2.13.0}"
fi
if command -v nvidia-smi >/dev/null && nvidia-smi; then
    # The backend of symmetrix-xl for this GPU, where there is a network.
    "$python" -m pip install --quiet symmetrix-xl==0.1.1 &&
        "$python" -m symmetrix.cli.main backend install || echo "symmetrix-xl is left out"
else
    echo "There is no GPU here: a dry run on the CPU follows. Its times are not to be kept."
fi
export PYTHONPATH="$PWD${PYTHONPATH:+:$PYTHONPATH}"
exec "$python" benchmarks/gpu.py --out "$folder" --seconds $((460 - SECONDS + started))
