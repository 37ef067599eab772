"""What all settings have in common: frozen, checked when made, each field described once.

The text below a field describes it, in the schema of `campaign.yaml` as well.
"""

from copy import copy
from typing import TYPE_CHECKING, Annotated, Any, Self, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from mlipsse.errors import MlipsseError

Kelvin = Annotated[float, Field(gt=0, le=10_000)]
Positive = Annotated[float, Field(gt=0)]
Count = Annotated[int, Field(ge=1)]


def _descriptions_on_one_line(schema: dict[str, Any]) -> None:
    for field in schema.get("properties", {}).values():
        if "description" in field:
            field["description"] = " ".join(field["description"].split())


class Settings(BaseModel):
    """Frozen settings that refuse unknown names.

    Raises
    ------
    MlipsseError
        naming each field at fault with its value. `model_validate` leaves pydantic's own
        `ValidationError`, which gives the place of each in a file.
    """

    model_config = ConfigDict(
        extra="forbid",
        frozen=True,
        allow_inf_nan=False,
        use_attribute_docstrings=True,
        json_schema_extra=_descriptions_on_one_line,
    )

    if not TYPE_CHECKING:  # type checkers take the fields for the parameters

        def __init__(self, /, **values: Any) -> None:
            try:
                super().__init__(**values)
            except ValidationError as error:
                raise MlipsseError(" ".join(map(_sentence, error.errors()))) from error

        # As a part of other settings this is not called, so that errors keep their place.
        __init__.__pydantic_base_init__ = True

    def only(self, kind: type["SettingsKind"]) -> "SettingsKind":
        """The fields that these settings have from `kind`, as settings of that class."""
        return kind(**{name: getattr(self, name) for name in kind.model_fields})

    def replaced(self, **changes: Any) -> Self:
        """These settings with other values of some fields, checked again."""
        return type(self)(**(dict(self) | changes))


SettingsKind = TypeVar("SettingsKind", bound=Settings)


def override_of(kind: type[Settings], name: str) -> Any:
    """Field of other settings that may override the field `name` of `kind`; None leaves it.

    The limits and the description are those of `kind`, but for the sentence on its default. Limits
    within a type of its annotation (`Positive | None`) are not found.
    """
    field = copy(kind.model_fields[name])
    field.default, field.default_factory = None, None
    field.description = str(field.description).partition(" The default is ")[0]
    return field


def _sentence(detail: Any) -> str:
    message = str(detail["msg"]).removeprefix("Value error, ")
    if not detail["loc"]:
        return message
    name = ".".join(map(str, detail["loc"]))
    if detail["type"] == "missing":
        return f"{name} must be given."
    return f"{name} = {detail['input']!r}: {message[:1].lower()}{message[1:]}."
