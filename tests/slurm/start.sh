#!/bin/bash
# Start a SLURM of one node on this machine, as root, from Debian's slurm-wlm and munge:
#
#     bash tests/slurm/start.sh FOLDER CPUS
#
# Configuration, keys, spool and logs lie in FOLDER; `SLURM_CONF=FOLDER/slurm.conf` names it to the
# clients. What it starts ends with tests/slurm/stop.sh FOLDER.
set -eu
folder=$(mkdir -p "$1" && cd "$1" && pwd)
cpus=${2:-2}
host=$(hostname -s)
mkdir -p "$folder"/{state,spool,run}

# munged insists on folders that nobody else can write to, up to the root.
munge=$(mktemp -d /run/mlipsse-munge-XXXXXX)
chmod 755 "$munge"
echo "$munge" >"$folder/munge"
dd if=/dev/urandom of="$munge/key" bs=1024 count=1 status=none
chmod 400 "$munge/key"
munged --key-file="$munge/key" --socket="$munge/socket" --pid-file="$munge/pid" \
  --log-file="$munge/log" --seed-file="$munge/seed" --force

cat >"$folder/slurm.conf" <<CONF
ClusterName=mlipsse
SlurmctldHost=$host(127.0.0.1)
SlurmUser=root
SlurmdUser=root
AuthType=auth/munge
AuthInfo=socket=$munge/socket
CredType=cred/munge
SlurmctldPort=${SLURMCTLD_PORT:-16817}
SlurmdPort=${SLURMD_PORT:-16818}
StateSaveLocation=$folder/state
SlurmdSpoolDir=$folder/spool
SlurmctldPidFile=$folder/run/slurmctld.pid
SlurmdPidFile=$folder/run/slurmd.pid
SlurmctldLogFile=$folder/slurmctld.log
SlurmdLogFile=$folder/slurmd.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU
SchedulerParameters=sched_interval=2,bf_interval=2
SchedulerType=sched/backfill
AccountingStorageType=accounting_storage/none
JobAcctGatherType=jobacct_gather/none
MpiDefault=none
ReturnToService=2
KillWait=5
MinJobAge=300
JobRequeue=1
NodeName=$host NodeAddr=127.0.0.1 CPUs=$cpus State=UNKNOWN
PartitionName=short Nodes=$host Default=YES MaxTime=INFINITE State=UP
CONF
export SLURM_CONF="$folder/slurm.conf"
slurmctld -f "$SLURM_CONF"
slurmd -f "$SLURM_CONF" -N "$host"
for _ in $(seq 60); do
  case $(sinfo -h -o %T 2>/dev/null || true) in
  idle | mixed) exit 0 ;;
  esac
  sleep 0.5
done
echo "SLURM did not start; see $folder/slurmctld.log and slurmd.log." >&2
tail -n 20 "$folder/slurmctld.log" "$folder/slurmd.log" >&2
exit 1
