#!/usr/bin/env bash
# slurm_down.sh FOLDER: ends what slurm_up.sh started, and nothing else.
folder=$(cd "$1" && pwd) || exit 2
export SLURM_CONF=$folder/slurm.conf
timeout 10 scancel --user=root 2>/dev/null
timeout 15 bash -c 'while [[ -n $(squeue --noheader 2>/dev/null) ]]; do sleep 0.3; done'
for file in "$folder"/run/slurmd.*.pid "$folder/run/slurmctld.pid" "$folder/run/munged.pid"; do
  [[ -s "$file" ]] || continue
  process=$(cat "$file")
  kill "$process" 2>/dev/null
  for ((waited = 0; waited < 25; ++waited)); do
    kill -0 "$process" 2>/dev/null || break
    sleep 0.2
  done
  kill -9 "$process" 2>/dev/null
  rm -f "$file"
done
tag=$(cat "$folder/run/tag" 2>/dev/null) || exit 0
for space in $(ip netns list | awk -v tag="${tag}n" 'index($1, tag) == 1 {print $1}'); do
  # ranks of a host that was cut off know nothing of the end of their job
  for process in $(ip netns pids "$space"); do kill -9 "$process" 2>/dev/null; done
  ip netns del "$space"
done
ip link del "${tag}b" 2>/dev/null
exit 0
