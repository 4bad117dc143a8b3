# Sourced: lets Open MPI run on a laptop, in a container or as root. Anything set already is left as it is.
if ((EUID == 0)); then
  export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1
fi
: "${OMPI_MCA_rmaps_base_oversubscribe:=1}"             # more ranks than cores are fine
: "${OMPI_MCA_hwloc_base_binding_policy:=none}"         # threads of a rank may use every core
: "${OMPI_MCA_btl_vader_single_copy_mechanism:=none}"   # containers often forbid it
export OMPI_MCA_rmaps_base_oversubscribe OMPI_MCA_hwloc_base_binding_policy OMPI_MCA_btl_vader_single_copy_mechanism
