"""Settings: described once, frozen, and refused in a sentence, alone or as a part of others."""

import pytest
from pydantic import ValidationError, model_validator

from mlipsse.errors import MlipsseError
from mlipsse.settings import Count, Positive, Settings, override_of


class Step(Settings):
    """A step."""

    size_A: Positive = 0.1
    """length of the step, which is
    given in Å"""
    tries: Count = 1
    """how often"""

    @model_validator(mode="after")
    def _few(self) -> "Step":
        if self.size_A * self.tries > 100:
            raise ValueError("the way is too long")
        return self


class Walk(Step):
    """A walk: a step and what it ends with."""

    seed: int
    """seed of the walk"""
    last: Step = Step()
    """the last step"""


def test_the_text_below_a_field_describes_it() -> None:
    properties = Walk.model_json_schema()["properties"]
    assert {name: field["description"] for name, field in properties.items()} == {
        "size_A": "length of the step, which is given in Å",
        "tries": "how often",
        "seed": "seed of the walk",
        "last": "the last step",
    }


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"seed": 1, "size_A": -2}, r"^size_A = -2: input should be greater than 0\.$"),
        ({"tries": 2}, r"^seed must be given\.$"),
        ({"seed": 1, "sise_A": 2}, r"^sise_A = 2: extra inputs are not permitted\.$"),
        ({"seed": 1, "size_A": 60, "tries": 2}, "^the way is too long$"),
        ({"seed": 1, "last": {"tries": 0}}, r"^last\.tries = 0: input should be greater than"),
    ],
)
def test_what_is_wrong_is_said_in_a_sentence(values: dict, words: str) -> None:
    with pytest.raises(MlipsseError, match=words):
        Walk(**values)


def test_a_file_keeps_the_place_of_each_error() -> None:
    content = {"seed": 1, "size_A": 0, "last": {"size_A": 200}}
    with pytest.raises(ValidationError) as caught:
        Walk.model_validate(content)
    assert [error["loc"] for error in caught.value.errors()] == [("size_A",), ("last",)]


def test_parts_and_changes_are_settings_again() -> None:
    walk = Walk(seed=3, size_A=2.0, last=Step(tries=4))
    assert walk.only(Step) == Step(size_A=2.0)
    assert walk.replaced(tries=7) == Walk(seed=3, size_A=2.0, tries=7, last=Step(tries=4))
    with pytest.raises(MlipsseError, match="too long"):
        walk.replaced(tries=70)
    with pytest.raises(ValidationError):
        walk.tries = 3


class OneStep(Settings):
    """What differs in one step."""

    size_A: float | None = override_of(Step, "size_A")
    tries: int | None = override_of(Step, "tries")


def test_an_override_has_the_limits_and_the_description_of_its_field() -> None:
    assert dict(OneStep()) == {"size_A": None, "tries": None}
    schema = OneStep.model_json_schema()["properties"]
    assert schema["size_A"]["description"] == "length of the step, which is given in Å"
    with pytest.raises(MlipsseError, match="size_A = 0: input should be greater than 0"):
        OneStep(size_A=0)
    with pytest.raises(MlipsseError, match="tries = 0: input should be greater than"):
        OneStep(tries=0)
    assert Step().size_A == 0.1
