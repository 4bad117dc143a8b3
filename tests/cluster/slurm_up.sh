#!/usr/bin/env bash
# slurm_up.sh FOLDER [NODES=2] [CPUS=2]: a small real Slurm on this machine, everything that it writes below FOLDER. Each node
# is a set of namespaces with its own address, host name, /tmp and /dev/shm, so that MPI sees hosts; other folders are shared,
# as on a cluster. FOLDER must not lie below /tmp. Ends with 77 where namespaces are not allowed. slurm_down.sh FOLDER ends it.
# Then: export SLURM_CONF=FOLDER/slurm.conf. Needs root and the packages slurm-wlm munge iproute2.
set -euo pipefail
mkdir -p "$1"
folder=$(cd "$1" && pwd) nodes=${2:-2} cpus=${3:-2}

skip() { echo "skipped: $*"; exit 77; }
((EUID == 0)) || skip "a cluster of namespaces needs root"
for program in slurmctld slurmd sbatch munged ip unshare nsenter; do
  command -v "$program" >/dev/null || skip "$program is not installed (packages slurm-wlm munge iproute2)"
done
[[ "$folder" != /tmp/* ]] || { echo "$folder is below /tmp, which every node has of its own" >&2; exit 2; }

# Several such clusters can run beside each other: names, addresses and ports follow from this process's number.
id=$(($$ % 20000)) tag=pc$$
bridge=${tag}b subnet=10.$((100 + id / 200)).$((id % 200))
ip link add "$bridge" type bridge 2>/dev/null || skip "this system allows no network namespaces"
mkdir -p "$folder"/{state,log,run,munge}
chmod 755 "$folder" "$folder/run"
echo "$tag" >"$folder/run/tag"
failed() { "$(dirname "${BASH_SOURCE[0]}")/slurm_down.sh" "$folder" || true; }
trap failed ERR
ip addr add "$subnet.1/24" dev "$bridge"
ip link set "$bridge" up
dd if=/dev/urandom of="$folder/munge/key" bs=1024 count=1 status=none
chmod 600 "$folder/munge/key"

cat >"$folder/slurm.conf" <<END
ClusterName=pushcart
SlurmctldHost=controller($subnet.1)
SlurmctldPort=16817
SlurmUser=root
SlurmdUser=root
AuthType=auth/munge
CredType=cred/munge
AuthInfo=socket=$folder/run/munge.socket,cred_expire=5
StateSaveLocation=$folder/state
SlurmdSpoolDir=$folder/spool.%n
SlurmctldPidFile=$folder/run/slurmctld.pid
SlurmdPidFile=$folder/run/slurmd.%n.pid
SlurmctldLogFile=$folder/log/slurmctld.log
SlurmdLogFile=$folder/log/slurmd.%n.log
# no control groups and no accounting here
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
AccountingStorageType=accounting_storage/none
JobCompType=jobcomp/filetxt
JobCompLoc=$folder/log/ended_jobs.txt
SelectType=select/cons_tres
SelectTypeParameters=CR_Core
MpiDefault=pmix
JobRequeue=1
RequeueExit=75
# lost nodes and ended jobs are noticed in seconds
ReturnToService=2
SlurmctldTimeout=20
SlurmdTimeout=15
KillWait=10
SchedulerParameters=sched_interval=2,bf_interval=3
SlurmdParameters=config_overrides
END
for ((i = 1; i <= nodes; ++i)); do
  mkdir -p "$folder/spool.node$i"
  echo "NodeName=node$i NodeAddr=$subnet.$((10 + i)) Port=16818 CPUs=$cpus CoresPerSocket=$cpus RealMemory=4000 State=UNKNOWN"
done >>"$folder/slurm.conf"
echo "PartitionName=main Nodes=node[1-$nodes] Default=YES MaxTime=INFINITE State=UP" >>"$folder/slurm.conf"

munged --force --socket="$folder/run/munge.socket" --key-file="$folder/munge/key" --pid-file="$folder/run/munged.pid" \
  --log-file="$folder/log/munged.log" --seed-file="$folder/munge/seed"
export SLURM_CONF=$folder/slurm.conf
unshare --uts bash -c "hostname controller; exec slurmctld -f '$SLURM_CONF'" || skip "this system allows no namespaces"
for ((i = 1; i <= nodes; ++i)); do
  space=${tag}n$i
  ip netns add "$space"
  ip link add "${tag}v$i" type veth peer name eth0 netns "$space"
  ip link set "${tag}v$i" master "$bridge" up
  ip -n "$space" addr add "$subnet.$((10 + i))/24" dev eth0
  ip -n "$space" link set eth0 up
  ip -n "$space" link set lo up
  nsenter --net="/run/netns/$space" unshare --uts --ipc --mount bash -c \
    "hostname node$i; mount -t tmpfs tmpfs /tmp; mount -t tmpfs tmpfs /dev/shm; exec slurmd -N node$i -f '$SLURM_CONF'"
done
for ((waited = 0;; ++waited)); do
  [[ $(sinfo --noheader --Node --format=%T 2>/dev/null | grep -c idle) == "$nodes" ]] && break
  ((waited < 200)) || { echo "the nodes do not come up:"; sinfo; tail -n 5 "$folder"/log/*.log; exit 1; }
  sleep 0.5
done
sinfo
echo "export SLURM_CONF=$SLURM_CONF"
