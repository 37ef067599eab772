#!/bin/bash
# End what tests/slurm/start.sh FOLDER started.
folder=$1
for name in slurmd slurmctld; do
  [ -f "$folder/run/$name.pid" ] && kill "$(cat "$folder/run/$name.pid")" 2>/dev/null
done
munge=$(cat "$folder/munge" 2>/dev/null) || exit 0
if [ -f "$munge/pid" ]; then
  pid=$(cat "$munge/pid")
  kill "$pid" 2>/dev/null
  while kill -0 "$pid" 2>/dev/null; do sleep 0.1; done
fi
rm -rf "$munge"
