"""Problems of a campaign."""

import shutil
from pathlib import Path
from typing import Any

import pytest
import yaml

from mlipsse.campaign.checks.campaign import problems
from mlipsse.campaign.engine.folder import read_campaign
from mlipsse.resources import resource_dir
from tests.support.checks import BASE, Found


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    shutil.copy(resource_dir("examples") / "li3incl6" / "Li3InCl6.cif", tmp_path)
    return tmp_path


@pytest.fixture
def found(folder: Path) -> Found:
    """Problems of the base campaign with sections changed, of some stages."""

    def find(stages: tuple[str, ...] | None = None, **sections: Any) -> list[str]:
        content = BASE | {
            name: BASE.get(name, {}) | own if isinstance(own, dict) else own
            for name, own in sections.items()
        }
        (folder / "campaign.yaml").write_text(yaml.safe_dump(content))
        return problems(read_campaign(folder), stages)

    return find
