# shellcheck shell=bash
# Sourced by the jobs beside it: the steps of a night, each a command line of pushcart, and how a step is launched.
# A step writes into the folder RUN. Exit code 75 means "stopped at a checkpoint, run again".
#
#   CONFIG   settings of all steps, a TOML file                        [jobs/quickstart.toml]
#   RUN      folder of this night's files, logs and run records        [runs/YYYY-MM-DD]
#   PUSHCART the program                                               [build/release/bin/pushcart]
#   SCRATCH  a folder on every node's own disk, for MPI's small files  [as the system says]
#   STALL_MINUTES  a job whose ranks wait so long for one that stands still is ended  [60]
#   RANKS    without Slurm: number of ranks                            [2]

CONFIG=${CONFIG:-jobs/quickstart.toml}
RUN=${RUN:-runs/$(date +%F)}
PUSHCART=${PUSHCART:-build/release/bin/pushcart}
MPI_TYPE=${MPI_TYPE:-pmix}
export OMP_NUM_THREADS=${SLURM_CPUS_PER_TASK:-${OMP_NUM_THREADS:-1}} OMP_PROC_BIND=${OMP_PROC_BIND:-close} OMP_PLACES=${OMP_PLACES:-cores}
if [[ -n "${SCRATCH:-}" ]]; then export TMPDIR=$SCRATCH OMPI_MCA_orte_tmpdir_base=$SCRATCH; fi

[[ -x "$PUSHCART" ]] || { echo "job: there is no program $PUSHCART: submit from the folder of Pushcart, or set PUSHCART" >&2; exit 4; }
[[ -f "$CONFIG" ]] || { echo "job: there is no file $CONFIG: set CONFIG" >&2; exit 4; }
mkdir -p "$RUN"

# launch VERB OPTIONS...: the program on all ranks. A USR1 to this shell, which Slurm sends before the time limit, is passed
# on: the program then writes a checkpoint and ends with 75.
launch() {
  local code=0 ranks
  echo "job: $(date '+%F %T') pushcart $*"
  if [[ -n "${SLURM_JOB_ID:-}" ]]; then
    srun --mpi="$MPI_TYPE" --cpu-bind=cores --kill-on-bad-exit=1 "$PUSHCART" "$@" --stall-minutes "${STALL_MINUTES:-60}" &
  else
    mpirun -n "${RANKS:-2}" "$PUSHCART" "$@" --stall-minutes "${STALL_MINUTES:-60}" &
  fi
  ranks=$!
  trap 'kill -USR1 $ranks 2>/dev/null' USR1
  trap 'told_to_end=1; kill -TERM $ranks 2>/dev/null' TERM INT
  while true; do
    code=0
    wait "$ranks" || code=$?
    kill -0 "$ranks" 2>/dev/null || break  # else the wait was cut short by a signal
  done
  trap - USR1 TERM INT
  ((code == 0)) || finish "$code"
}

# finish CODE: ends the job. 75 asks Slurm to run it again; clusters without RequeueExit=75 have to be told.
finish() {
  local code=$1
  if ((code == 75 && ${told_to_end:-0})); then code=143; fi  # scancel: a checkpoint was written, but nobody wants it run again
  if ((code == 75)) && [[ -n "${SLURM_JOB_ID:-}" ]]; then
    if ((${SLURM_RESTART_COUNT:-0} >= ${MAX_RESTARTS:-20})); then
      echo "job: stopped at a checkpoint for the ${SLURM_RESTART_COUNT}th time: not run again" >&2
      exit 1
    fi
    scontrol show config | grep -Eq '^RequeueExit +=.*\b75\b' || scontrol requeue "$SLURM_JOB_ID"
  fi
  exit "$code"
}

# The sample's log, if this is the sample.
make_sample() {
  if [[ "$CONFIG" == jobs/quickstart.toml && ! -e shop ]]; then
    launch synth --output shop --users 3000 --items 1200 --events 200000 --seed 7
  fi
}

# newer FILE THAN...: FILE is there, and newer than the others: a job that is run again need not make it again.
newer() {
  local file=$1 other
  [[ -f "$file" ]] || return 1
  for other in "${@:2}"; do [[ "$file" -nt "$other" ]] || return 1; done
  echo "job: $file is there"
}

# What CONFIG holds out (by days or by share) is left out of data-train.h5, by which the night is measured, and is in data.h5,
# from which lists are made.
# Run again after a stop, the job leaves what it has made itself: data-train.job says which job made data-train.h5.
step_ingest() {
  local mark="$RUN/data-train.job"
  if ! { [[ -n "${SLURM_JOB_ID:-}" && "$(cat "$mark" 2>/dev/null)" == "$SLURM_JOB_ID" ]] && newer "$RUN/data-train.h5" "$CONFIG"; }; then
    rm -f "$mark"
    launch ingest --config "$CONFIG" --output "$RUN/data-train.h5" --rejects "$RUN/rejects.csv.gz"
    if [[ -n "${SLURM_JOB_ID:-}" ]]; then echo "$SLURM_JOB_ID" > "$mark"; fi
  fi
  launch ingest --config "$CONFIG" --output "$RUN/data.h5" --rejects "$RUN/rejects.csv.gz" --hold-out-days 0 --hold-out-share 0
}

# The metrics are in evaluation.run.json.
step_train_als() {
  newer "$RUN/model-train.h5" "$RUN/data-train.h5" "$CONFIG" ||
    launch train als --config "$CONFIG" --dataset "$RUN/data-train.h5" --output "$RUN/model-train.h5"
  launch evaluate --config "$CONFIG" --dataset "$RUN/data-train.h5" --model "$RUN/model-train.h5" \
    --run-record "$RUN/evaluation.run.json"
  launch train als --config "$CONFIG" --dataset "$RUN/data.h5" --output "$RUN/model.h5"
}
step_similarity() { launch similar --config "$CONFIG" --dataset "$RUN/data.h5" --model "$RUN/model.h5" --output "$RUN/similar"; }
step_recommend() { launch recommend --config "$CONFIG" --dataset "$RUN/data.h5" --model "$RUN/model.h5" --output "$RUN/lists"; }
step_push() { launch push --config "$CONFIG" --dataset "$RUN/data.h5" --lists "$RUN/lists" --output "$RUN/feed"; }

# The night is over: `current` beside RUN names its folder from now on, from one moment to the next.
step_publish() {
  local link
  link=$(dirname "$RUN")/current
  for file in data.h5 model.h5 lists/manifest.json similar/manifest.json feed/manifest.json; do
    [[ -f "$RUN/$file" ]] || { echo "job: $RUN/$file is missing: not published" >&2; exit 3; }
  done
  ln -sfn "$(basename "$RUN")" "$link.new"
  mv -T "$link.new" "$link"
  echo "job: $link is now $RUN"
}
