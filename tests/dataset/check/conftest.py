import copy

import pytest

from tests.support.labels.sound_set import sound_sets


@pytest.fixture(scope="session")
def sound():
    return sound_sets()


@pytest.fixture
def sets(sound):
    return copy.deepcopy(sound)
