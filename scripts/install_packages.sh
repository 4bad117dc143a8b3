#!/usr/bin/env bash
# Installs with apt what is needed to build and test, on Debian 12 or a current Ubuntu; nothing when all is there.
set -euo pipefail

packages=(
  build-essential cmake ninja-build pkg-config ccache
  openmpi-bin libopenmpi-dev libhdf5-openmpi-dev libboost-serialization-dev
  libeigen3-dev libopenblas-dev
  libcli11-dev libtomlplusplus-dev nlohmann-json3-dev libsimdjson-dev libfast-float-dev
  libspdlog-dev libfmt-dev zlib1g-dev libzstd-dev libxxhash-dev libicu-dev
)
# What a part of the program needs that can be left out, where the distribution has it.
for package in libxgboost-dev; do
  apt-cache show "$package" >/dev/null 2>&1 && packages+=("$package")
done
if [[ "${1:-}" == "--with-tests" ]]; then
  packages+=(libgtest-dev libgmock-dev libbenchmark-dev python3 python3-h5py slurm-wlm munge iproute2)
fi

missing=()
for package in "${packages[@]}"; do
  status=$(dpkg-query --show --showformat='${db:Status-Status}' "$package" 2>/dev/null || true)
  [[ "$status" == installed ]] || missing+=("$package")
done
if ((${#missing[@]} == 0)); then
  echo "packages: all there"
  exit 0
fi

as_root=()
if ((EUID != 0)); then
  command -v sudo >/dev/null || { echo "packages missing, and neither root nor sudo: ${missing[*]}" >&2; exit 1; }
  as_root=(sudo)
fi
echo "packages: installing ${missing[*]}"
"${as_root[@]}" apt-get update -qq
"${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}"
