#!/usr/bin/env bash
# Scaling of the verbs over ranks and threads, from generated data; every run leaves its run record.
#
#   scripts/scaling.sh strong [OPTIONS]    the same data for all layouts
#   scripts/scaling.sh weak [OPTIONS]      users and events grow with ranks x threads
#
#   --layouts "1x1 2x1 1x2"    ranks x threads of a rank, the first is what others are compared with
#   --users 30000 --items 20000 --events 3000000    the data, for weak scaling that of one worker
#   --k 128 --sweeps 4 --exchange auto    of the ALS training
#   --repeats 3                runs of every layout; layouts take turns, medians are compared
#   --output scaling           folder for data, outputs (overwritten run by run) and records
#
# What `pushcart plan` says of each layout, at the rates of the first, is kept beside the records.
# Within a Slurm allocation ranks are launched by srun, else by mpirun. Then: scripts/plot_scaling.py FOLDER
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
mode=${1:-}
[[ "$mode" == strong || "$mode" == weak ]] || { sed -n '2,14s/^# \{0,1\}//p' "$0" >&2; exit 2; }
shift
layouts="1x1 2x1 1x2" users=30000 items=20000 events=3000000 k=128 sweeps=4 exchange=auto repeats=3 output=scaling
while (($#)); do
  case $1 in
    --layouts | --users | --items | --events | --k | --sweeps | --exchange | --repeats | --output)
      declare "${1#--}=${2:?$1 needs a value}"
      shift 2
      ;;
    *) echo "scaling.sh: unknown option $1" >&2; exit 2 ;;
  esac
done
pushcart=${PUSHCART:-$root/build/release/bin/pushcart}
[[ -x "$pushcart" ]] || { echo "scaling.sh: there is no program $pushcart: build it, or set PUSHCART" >&2; exit 4; }
. "$root/scripts/mpi_environment.sh"
records=$output/records
mkdir -p "$records"

# launch RANKS THREADS RECORD VERB OPTIONS...
launch() {
  local ranks=$1 threads=$2 record=$3 start=() log=$output/last.log
  shift 3
  if [[ -n "${SLURM_JOB_ID:-}" ]]; then
    start=(srun "--mpi=${MPI_TYPE:-pmix}" --ntasks "$ranks" --cpus-per-task "$threads" --cpu-bind=cores)
  elif ((ranks > 1)); then
    start=(mpirun -n "$ranks")
  fi
  OMP_NUM_THREADS=$threads "${start[@]}" "$pushcart" "$@" --run-record "$record" >"$log" 2>&1 ||
    { echo "scaling.sh: $* failed:" >&2; tail -5 "$log" >&2; exit 1; }
}

# log_of WORKERS: makes the log for so many workers if it is not there; tells its folder.
log_of() {
  local times=1
  if [[ "$mode" == weak ]]; then times=$1; fi
  local folder=$output/log-$((users * times))-$items-$((events * times))
  if [[ ! -f "$folder/run.json" ]]; then
    rm -rf "$folder"
    launch 1 1 "$folder/run.json" synth --output "$folder" --users $((users * times)) --items "$items" \
      --events $((events * times)) --files 1
  fi
  echo "$folder"
}

# plan RANKS THREADS: of the data set at hand, all ranks on one node.
plan() {
  local first=${layouts%% *}-1.json
  "$pushcart" plan --data "$output/data.h5" --ranks "$1" --threads "$2" --k "$k" --sweeps "$sweeps" --n 20 \
    --exchange "$exchange" --rates "$records/ingest-$first" "$records/train-$first" "$records/recommend-$first" \
    --json --quiet
}

for ((repeat = 1; repeat <= repeats; ++repeat)); do
  for layout in $layouts; do
    ranks=${layout%x*} threads=${layout#*x}
    log=$(log_of $((ranks * threads)))
    name=$layout-$repeat.json
    echo "$mode: $ranks ranks x $threads threads, run $repeat of $repeats"
    launch "$ranks" "$threads" "$records/ingest-$name" ingest --input "$log/events-*.csv" --columns user=user,item=item,time=time \
      --core-users 2 --core-items 2 --max-rejects off --rejects "$output/rejects.csv.gz" --output "$output/data.h5"
    launch "$ranks" "$threads" "$records/train-$name" train als --dataset "$output/data.h5" --k "$k" --sweeps "$sweeps" \
      --exchange "$exchange" --output "$output/model.h5"
    launch "$ranks" "$threads" "$records/similar-$name" similar --dataset "$output/data.h5" --metric cosine --n 20 \
      --output "$output/similar"
    launch "$ranks" "$threads" "$records/recommend-$name" recommend --dataset "$output/data.h5" --model "$output/model.h5" --n 20 \
      --output "$output/lists"
    if ((repeat == 1)); then plan "$ranks" "$threads" >"$records/plan-$layout.json"; fi
  done
done
echo "{\"mode\": \"$mode\", \"layouts\": \"$layouts\", \"users\": $users, \"items\": $items, \"events\": $events, \"k\": $k, \"sweeps\": $sweeps, \"repeats\": $repeats}" >"$output/scaling.json"
echo "$records: now scripts/plot_scaling.py $output"
