"""A bundle of a model of random weights."""

import shutil

import pytest

from mlipsse.potential.bundle.folder import (
    Bundle,
    read_bundle,
    write_bundle,
)
from mlipsse.potential.bundle.provenance import Provenance, TrainingData
from mlipsse.potential.export.target import ExportSettings
from tests.support.potential.bundle import EXAMPLE


@pytest.fixture(scope="module")
def written(tmp_path_factory, tiny_model) -> Bundle:
    return write_bundle(
        tmp_path_factory.mktemp("bundle"),
        model=tiny_model,
        name="tiny",
        export=ExportSettings(head="target", dtype="float32"),
        provenance=Provenance(
            label_source="teacher: chgnet-r2scan",
            licence="CC0-1.0",
            training=TrainingData(
                frames=40,
                temperature_range_K=(300, 900),
                compositions=["Li3InCl6"],
                errors={"target": {"force_rmse_meV_A": 62.0}},
            ),
            extra={"test_force_error_meV_A": 62.0},
        ),
        example=EXAMPLE,
    )


@pytest.fixture
def bundle(tmp_path, written) -> Bundle:
    """A copy of our own, to be damaged."""
    shutil.copytree(written.folder, tmp_path / "tiny")
    return read_bundle(tmp_path / "tiny")
