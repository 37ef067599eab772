"""The ten stages in their order."""

from mlipsse.campaign.stages.enumerate import stage as enumerate
from mlipsse.campaign.stages.export import stage as export
from mlipsse.campaign.stages.finetune import stage as finetune
from mlipsse.campaign.stages.label import stage as label
from mlipsse.campaign.stages.rank import stage as rank
from mlipsse.campaign.stages.report import stage as report
from mlipsse.campaign.stages.sample import stage as sample
from mlipsse.campaign.stages.select import stage as select
from mlipsse.campaign.stages.simulate import stage as simulate
from mlipsse.campaign.stages.transport import stage as transport

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
