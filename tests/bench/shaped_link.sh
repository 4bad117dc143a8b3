#!/usr/bin/env bash
# Two hosts joined by a slow link, on one machine: seconds of a sweep with and without overlapped exchange, and
# whether the models are the same bits. Hosts are network namespaces joined by a pair of virtual adapters, shaped
# by tc. Needs root, iproute2 and Open MPI; where namespaces are not allowed it says so and ends with 77.
#
#   shaped_link.sh PUSHCART DATASET [--rate 200mbit] [--ranks-per-host 1] [--sweeps 4] [train options ...]
set -euo pipefail

pushcart=$(realpath "$1"); dataset=$(realpath "$2"); shift 2
rate=200mbit ranks=1 sweeps=4 options=()
while [ $# -gt 0 ]; do
  case $1 in
    --rate) rate=$2; shift 2 ;;
    --ranks-per-host) ranks=$2; shift 2 ;;
    --sweeps) sweeps=$2; shift 2 ;;
    *) options+=("$1"); shift ;;
  esac
done

host1=pushcart-a$$ host2=pushcart-b$$
if [ "$(id -u)" != 0 ] || ! ip netns add "$host1" 2>/dev/null; then
  echo "skipped: network namespaces need root and a kernel that allows them"; exit 77
fi
work=$(mktemp -d)
clean() { ip netns del "$host1" 2>/dev/null || true; ip netns del "$host2" 2>/dev/null || true; rm -rf "$work"; }
trap clean EXIT
ip netns add "$host2"
ip link add eth0 netns "$host1" type veth peer name eth0 netns "$host2"
number=1
for host in "$host1" "$host2"; do
  ip -n "$host" addr add "10.78.0.$number/24" dev eth0
  ip -n "$host" link set lo up
  ip -n "$host" link set eth0 up
  if ! ip netns exec "$host" tc qdisc replace dev eth0 root tbf rate "$rate" burst 64kb latency 50ms; then
    echo "skipped: this kernel cannot shape the link (tc tbf)"; exit 77
  fi
  number=$((number + 1))
done

# Stands in for ssh: runs the command on HOST, which has its own name and shared memory.
cat >"$work/agent" <<'A'
#!/usr/bin/env bash
host=$1; shift
exec nsenter --net="/run/netns/$host" unshare --uts --mount --propagation private \
  sh -c "hostname $host; mount -t tmpfs -o size=2g,mode=1777 tmpfs /dev/shm; $*"
A
chmod +x "$work/agent"
export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1 OMPI_MCA_plm=rsh OMPI_MCA_plm_rsh_agent="$work/agent"
export OMPI_MCA_pml=ob1 OMPI_MCA_btl=self,vader,tcp OMPI_MCA_btl_tcp_if_include=eth0 OMPI_MCA_oob_tcp_if_include=eth0
export OMPI_MCA_hwloc_base_binding_policy=none OMPI_MCA_rmaps_base_oversubscribe=1
export OMPI_MCA_btl_vader_single_copy_mechanism=none OMP_NUM_THREADS=${OMP_NUM_THREADS:-1}

train() { # train NAME options...
  local name=$1; shift
  timeout -k 5 600 "$work/agent" "$host1" mpirun -x OMP_NUM_THREADS --host "$host1:$ranks,$host2:$ranks" \
    "$pushcart" train als --dataset "$dataset" --output "$work/$name.h5" --sweeps "$sweeps" "$@" >"$work/$name.log" 2>&1 ||
    { cat "$work/$name.log"; exit 1; }
  grep -E "exchange:|sweep [0-9]+: (objective|Gram)" "$work/$name.log" | sed "s/^.*\(exchange:\|sweep\)/$name: \1/"
  sed -n 's/^model: .*(digest \(.*\))/\1/p' "$work/$name.log" >"$work/$name.digest"
}

echo "two hosts, $ranks ranks each, link $rate, $OMP_NUM_THREADS threads a rank: ${options[*]}"
train overlap-on --exchange sparse --exchange-overlap on "${options[@]}"
train overlap-off --exchange sparse --exchange-overlap off "${options[@]}"
cmp -s "$work/overlap-on.digest" "$work/overlap-off.digest" && echo "models: the same bits" ||
  { echo "models differ"; exit 1; }
