#!/usr/bin/env bash
# The night without Slurm, on this machine: the same steps as jobs/retrain_nightly.sbatch, one after the other.
#   CONFIG=shop.toml RUN=runs/tonight RANKS=4 OMP_NUM_THREADS=2 jobs/local.sh
# A step that was stopped at a checkpoint (exit code 75) goes on where it was when this is started again with the same RUN.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
. scripts/mpi_environment.sh
. jobs/job_steps.sh
exec > >(tee -a "$RUN/local.log") 2>&1
make_sample
step_ingest
step_train_als
step_similarity
step_recommend
step_push
step_publish
