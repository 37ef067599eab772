"""The device of a campaign, handed to the blocks that state none of their own."""

from typing import Any

_BLOCKS = ("rank", "sample", "label", "finetune", "export", "simulate")


def with_device(values: Any) -> Any:
    """The values of a campaign with `device: cuda` in every block, where that is the campaign's.

    Parameters
    ----------
    values : of `campaign.yaml`, before they are checked
    """
    if not isinstance(values, dict) or _device(values) != "cuda":
        return values
    filled = dict(values)
    export = values.get("export")
    trains = not (isinstance(export, dict) and export.get("potential"))
    for name in _BLOCKS if trains else ("rank", "export", "simulate"):
        block = filled.get(name)
        if block is None:
            block = {}
        if isinstance(block, dict):
            filled[name] = {"device": "cuda", **block}
    export = filled["export"]
    if isinstance(export, dict) and isinstance(export.get("acceptance") or {}, dict):
        filled["export"] = {
            **export,
            "acceptance": {"device": "cuda", **(export.get("acceptance") or {})},
        }
    return filled


def _device(values: dict[str, Any]) -> Any:
    device = values.get("device")
    if device != "auto":
        return device
    execution = values.get("execution")
    slurm = execution.get("slurm") if isinstance(execution, dict) else None
    if isinstance(slurm, dict):
        return "cuda" if slurm.get("gpus_per_node") else "cpu"
    from mlipsse.gpus import has_gpu

    return "cuda" if has_gpu() else "cpu"
