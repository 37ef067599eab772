"""The ten stages in their order."""

from mlipsse.campaign.stages import (
    enumerate,
    export,
    finetune,
    label,
    rank,
    report,
    sample,
    select,
    simulate,
    transport,
)

STAGES = (
    enumerate.STAGE,
    rank.STAGE,
    select.STAGE,
    sample.STAGE,
    label.STAGE,
    finetune.STAGE,
    export.STAGE,
    simulate.STAGE,
    transport.STAGE,
    report.STAGE,
)
