#!/usr/bin/env bash
# From a fresh machine to a small shop's lists: installs what is missing, builds, makes a sample log, runs the
# main job on 2 ranks. Usage: scripts/quickstart.sh [FOLDER for the results, default build/quickstart]
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
folder=${1:-build/quickstart}

scripts/install_packages.sh
. scripts/mpi_environment.sh
cmake --preset release -DPUSHCART_TESTS=OFF -DCMAKE_UNITY_BUILD=ON # faster, when all is compiled
cmake --build --preset release
pushcart=build/release/bin/pushcart

mkdir -p "$folder"
"$pushcart" synth --output "$folder/shop" --users 3000 --items 1200 --events 200000 --seed 7
export OMP_NUM_THREADS=${OMP_NUM_THREADS:-1}
mpirun -n 2 "$pushcart" run --config jobs/quickstart.toml \
  --ingest.input "$folder/shop/events-*.csv" --ingest.items "$folder/shop/items.csv" \
  --ingest.users "$folder/shop/users.csv" --output "$folder/results"
