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
# What a part of the program needs that can be left out; not every distribution has them.
optional=(libxgboost-dev)
if [[ "${1:-}" == "--with-tests" ]]; then
  packages+=(libgtest-dev libgmock-dev libbenchmark-dev python3 python3-h5py slurm-wlm munge iproute2)
fi

is_installed() {
  [[ "$(dpkg-query --show --showformat='${db:Status-Status}' "$1" 2>/dev/null || true)" == installed ]]
}
missing=()
for package in "${packages[@]}"; do
  is_installed "$package" || missing+=("$package")
done
wanted=()
for package in "${optional[@]}"; do
  is_installed "$package" || wanted+=("$package")
done
if ((${#missing[@]} + ${#wanted[@]} == 0)); then
  echo "packages: all there"
  exit 0
fi

as_root=()
if ((EUID != 0)); then
  if ! command -v sudo >/dev/null; then
    ((${#missing[@]} == 0)) && { echo "packages: all there, but for parts left out: ${wanted[*]}"; exit 0; }
    echo "packages missing, and neither root nor sudo: ${missing[*]}" >&2
    exit 1
  fi
  as_root=(sudo)
fi
# A fresh machine does not know yet what there is; what is optional is not worth a failure.
"${as_root[@]}" apt-get update -qq || ((${#missing[@]} == 0))
for package in "${wanted[@]}"; do
  if apt-cache show "$package" >/dev/null 2>&1; then
    missing+=("$package")
  else
    echo "packages: $package is not to be had here; what needs it is left out"
  fi
done
((${#missing[@]} == 0)) && exit 0
echo "packages: installing ${missing[*]}"
"${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}"
