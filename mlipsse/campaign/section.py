"""What all blocks of `campaign.yaml` have in common."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

Kelvin = Annotated[float, Field(gt=0, le=10_000)]
Positive = Annotated[float, Field(gt=0)]
Count = Annotated[int, Field(ge=1)]


class Section(BaseModel):
    """A block of the config: frozen, and strict about its keys."""

    model_config = ConfigDict(extra="forbid", frozen=True)
