"""A Parsl for the config: workers on this machine, or jobs of a SLURM cluster.

Parsl's processes end with the driver: the interchange by the kernel's parent-death signal (it would
wait forever otherwise, Parsl issue 3663), the local pool of workers by a watch on the driver
(Parsl's own heartbeat left 2 of some 60 pools behind), a pool in a job by the heartbeat it misses.
"""

import logging
import os
import shlex
import shutil
import sys
import sysconfig
from contextlib import suppress
from pathlib import Path
from typing import Any

from mlipsse.campaign.config.execution import ExecutionConfig, SlurmConfig
from mlipsse.campaign.engine.paths import Root
from mlipsse.errors import MlipsseError

LOST_JOBS = 50
"""So many times a unit is given to another job when its own was lost (wall time, cancelled)."""

_LOCAL_THRESHOLD_S = 60
"""A busy machine keeps a pool silent for some seconds, a sleeping one for as long as it sleeps."""
_CLUSTER_THRESHOLD_S = 60
_END_PATIENCE_S = 30


def check_execution(config: ExecutionConfig) -> None:
    """Refuse a cluster that cannot be reached from here; the `MlipsseError` states the remedy."""
    if config.slurm is not None and shutil.which("sbatch") is None:
        raise MlipsseError(
            "execution.slurm is given, but there is no `sbatch` on this machine's PATH. Run on "
            "the login node of the cluster, remove the block to run here, or write the decks for "
            "another machine: mlipsse md render DIR --out FOLDER."
        )


def start_parsl(config: ExecutionConfig, folder: Path) -> Any:
    """A running `DataFlowKernel` with one executor; its files go below `folder`/.mlipsse.

    Raises
    ------
    MlipsseError
        when the config names a cluster that cannot be reached.
    """
    from parsl import Config
    from parsl.dataflow.dflow import DataFlowKernel

    check_execution(config)
    # What Parsl reports of a failed unit, a traceback, comes from us as a sentence.
    logging.getLogger("parsl").addHandler(logging.NullHandler())
    logging.getLogger("parsl").propagate = False
    run_dir = folder / Root.parsl
    run_dir.mkdir(parents=True, exist_ok=True)
    cluster = config.slurm is not None
    return DataFlowKernel(
        Config(
            executors=[
                _on_slurm(config, config.slurm) if config.slurm else _on_this_machine(config)
            ],
            run_dir=str(run_dir),
            strategy="simple" if cluster else "none",
            strategy_period=5,
            retries=LOST_JOBS if cluster else 0,
            retry_handler=_price_of_a_failure,
            initialize_logging=False,
            usage_tracking=0,
        )
    )


def _price_of_a_failure(error: Exception, task: Any) -> float:
    """Units whose job was lost are tried again; what fails by itself would fail again."""
    return 1.0 if is_lost(error) else 1.0 + LOST_JOBS


def is_pool_lost(error: BaseException) -> bool:
    """Whether a unit ended because its pool of workers fell silent: Parsl makes no other one."""
    from parsl.executors.high_throughput.errors import ManagerLost

    return isinstance(error, ManagerLost)


def end_pool(kernel: Any) -> None:
    """End a Parsl of this machine with all its processes, stopped ones too.

    A worker that lived on would hold the folder of a unit that is done again.
    """
    import psutil

    started = []
    for executor in kernel.executors.values():
        # Parsl's own thread pool, for its data, has no provider.
        for job in getattr(getattr(executor, "provider", None), "resources", {}).values():
            with suppress(psutil.NoSuchProcess):
                root = psutil.Process(int(job["remote_pid"]))
                started += [*root.children(recursive=True), root]
    kernel.cleanup()
    for process in started:
        with suppress(psutil.NoSuchProcess):
            process.kill()
    psutil.wait_procs(started, timeout=_END_PATIENCE_S)


def is_lost(error: BaseException) -> bool:
    """Whether a unit ended with its worker or pool of workers, and not by itself."""
    from parsl.executors.high_throughput.errors import ManagerLost, WorkerLost

    return isinstance(error, ManagerLost | WorkerLost)


def _pool() -> str:
    """Command of the pool of workers, by its path: jobs need not find it."""
    scripts = Path(sysconfig.get_path("scripts"))
    return f"{shlex.quote(sys.executable)} {shlex.quote(str(scripts / 'process_worker_pool.py'))}"


def _executor(config: ExecutionConfig, *, pool: str, gpus: int, **more: Any) -> Any:
    from parsl.executors import HighThroughputExecutor
    from parsl.executors.high_throughput.executor import DEFAULT_LAUNCH_CMD

    scripts = Path(sysconfig.get_path("scripts"))
    tether = [sys.executable, "-m", "mlipsse.processes"]
    return HighThroughputExecutor(
        cores_per_worker=1e-3,  # the number of workers is set here, not inferred by Parsl
        max_workers_per_node=config.workers,
        available_accelerators=[str(n % gpus) for n in range(config.workers)] if gpus else (),
        launch_cmd=DEFAULT_LAUNCH_CMD.replace("process_worker_pool.py", pool, 1),
        interchange_launch_cmd=[*tether, sys.executable, str(scripts / "interchange.py")],
        **more,
    )


def _threads(config: ExecutionConfig) -> str:
    threads = config.threads_per_worker
    return f"export OMP_NUM_THREADS={threads} MKL_NUM_THREADS={threads}"


def _on_this_machine(config: ExecutionConfig) -> Any:
    from parsl.providers import LocalProvider

    tethered = [sys.executable, "-m", "mlipsse.processes", "--while", str(os.getpid())]
    return _executor(
        config,
        pool=f"{shlex.join(tethered)} {_pool()}",
        gpus=config.gpus,
        label="local",
        address="127.0.0.1",
        heartbeat_period=3,
        heartbeat_threshold=_LOCAL_THRESHOLD_S,
        encrypted=False,  # everything stays on the loopback interface
        provider=LocalProvider(
            init_blocks=1, min_blocks=1, max_blocks=1, worker_init=_threads(config)
        ),
    )


def _on_slurm(config: ExecutionConfig, slurm: SlurmConfig) -> Any:
    from parsl.launchers import SimpleLauncher
    from parsl.providers import SlurmProvider

    options = [f"#SBATCH {option}" for option in slurm.options]
    if slurm.gpus_per_node:
        options.append(f"#SBATCH --gres=gpu:{slurm.gpus_per_node}")
    setup = [*(f"module load {module}" for module in slurm.modules), *slurm.setup]
    return _executor(
        config,
        pool=_pool(),
        gpus=slurm.gpus_per_node,
        label="slurm",
        heartbeat_period=10,
        heartbeat_threshold=_CLUSTER_THRESHOLD_S,
        encrypted=True,
        provider=SlurmProvider(
            partition=slurm.partition,
            account=slurm.account,
            nodes_per_block=1,
            cores_per_node=slurm.cores_per_node,
            mem_per_node=slurm.memory_GB,
            init_blocks=1,
            min_blocks=0,
            max_blocks=slurm.max_blocks,
            walltime=slurm.walltime_hours,
            exclusive=False,
            scheduler_options="".join(f"{option}\n" for option in options),
            worker_init="\n".join([*setup, _threads(config)]),
            launcher=SimpleLauncher(),
        ),
    )
