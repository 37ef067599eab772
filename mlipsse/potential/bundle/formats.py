"""The files of one format, written beside a model."""

from pathlib import Path
from typing import Any

from mlipsse.potential.export.target import SUFFIXES, Dtype, Format, Target
from mlipsse.potential.export.torchscript import export_torchscript


def write_format(
    model: Path, form: Format, *, beside: Path, head: str, dtype: Dtype, target: Target
) -> tuple[list[Path], dict[str, Any]]:
    """Write one format of a model beside its copy in a bundle.

    Returns
    -------
    list, dict
        the files, that of LAMMPS first; and entries of the card.

    Raises
    ------
    FormatRefused
        when the model cannot be had in this format.
    MlipsseError
        as the exports of the formats.
    """
    out = beside.with_suffix(SUFFIXES[form])
    if form == "torchscript":
        export_torchscript(model, head=head, dtype=dtype, out=out)
    elif form == "aotinductor":
        from mlipsse.potential.export.aotinductor import export_aotinductor

        export_aotinductor(model, head=head, dtype=dtype, out=out, target=target)
    elif form == "native":
        from mlipsse.potential.native.export import export_native

        native = export_native(model, head=head, dtype=dtype, out=out)
        return [native.weights, native.source, *native.libraries], {"native": native.facts}
    elif form == "symmetrix":
        from mlipsse.potential.export.other_engines.symmetrix import export_symmetrix

        made = export_symmetrix(model, head=head, dtype=dtype, out=out)
        files = [made.model, *([made.library] if made.library else [])]
        return files, {"symmetrix": made.facts}
    elif form == "upstream":
        from mlipsse.potential.export.other_engines.upstream import export_upstream

        export_upstream(model, head=head, dtype=dtype, out=out)
    else:
        from mlipsse.potential.export.other_engines.mliap import export_mliap

        export_mliap(model, head=head, dtype=dtype, out=out)
    return [out], {}
