#!/usr/bin/env bash
# Builds everything and runs every test, installing what is missing first.
#   PUSHCART_REAL_DATA=FOLDER  also runs the tests on real data (docs/data-flow.md says which sets)
#   PUSHCART_SANITIZE=off      leaves out the part under AddressSanitizer and UBSan
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

scripts/install_packages.sh --with-tests
. scripts/mpi_environment.sh
export CMAKE_CXX_COMPILER_LAUNCHER=${CMAKE_CXX_COMPILER_LAUNCHER-ccache}

cmake --preset ci
cmake --build --preset ci
at_once=$((2 * $(nproc))) # half of the tests' time is waiting
ctest --preset ci -j "$at_once"

if [[ "${PUSHCART_SANITIZE:-on}" != off ]]; then
  cmake --preset asan
  cmake --build --preset asan --target pushcart_sanitized_tests
  ctest --preset asan -j "$at_once" -L '^sanitized$'
fi
