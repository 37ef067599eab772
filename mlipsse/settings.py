"""What all settings have in common: frozen, checked when made, each field described once.

The text below a field describes it, in the schema of `campaign.yaml` as well.
"""

from typing import Annotated, Any, Self, TypeVar

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    ModelWrapValidatorHandler,
    ValidationError,
    ValidationInfo,
    model_validator,
)

from mlipsse.errors import MlipsseError

Kelvin = Annotated[float, Field(gt=0, le=10_000)]
Positive = Annotated[float, Field(gt=0)]
Count = Annotated[int, Field(ge=1)]

LOCATED = {"located": True}
"""Context of a validation whose errors stay pydantic's, which name the place in a file."""


def _descriptions_on_one_line(schema: dict[str, Any]) -> None:
    for field in schema.get("properties", {}).values():
        if "description" in field:
            field["description"] = " ".join(field["description"].split())


class Settings(BaseModel):
    """Frozen settings that refuse unknown names.

    Raises
    ------
    MlipsseError
        naming each field at fault with its value; a pydantic `ValidationError` with `LOCATED`.
    """

    model_config = ConfigDict(
        extra="forbid",
        frozen=True,
        use_attribute_docstrings=True,
        json_schema_extra=_descriptions_on_one_line,
    )

    def only(self, kind: type["SettingsKind"]) -> "SettingsKind":
        """The fields that these settings have from `kind`, as settings of that class."""
        return kind(**{name: getattr(self, name) for name in kind.model_fields})

    @model_validator(mode="wrap")
    @classmethod
    def _in_sentences(
        cls, values: Any, handler: ModelWrapValidatorHandler[Self], info: ValidationInfo
    ) -> Self:
        if info.context == LOCATED:
            return handler(values)
        try:
            return handler(values)
        except ValidationError as error:
            raise MlipsseError(" ".join(map(_sentence, error.errors()))) from error


SettingsKind = TypeVar("SettingsKind", bound=Settings)


def _sentence(detail: Any) -> str:
    message = str(detail["msg"]).removeprefix("Value error, ")
    if not detail["loc"]:
        return message
    name = ".".join(map(str, detail["loc"]))
    return f"{name} = {detail['input']!r}: {message[:1].lower()}{message[1:]}."
