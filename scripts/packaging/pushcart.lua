-- Environment module (Lmod) of an installation: cmake --install build/release --prefix PREFIX, then put PREFIX below.
local prefix = "/opt/pushcart/0.1.0"

help([[Pushcart: retrains a shop's recommender from its raw behaviour log. pushcart --help]])
whatis("Name: pushcart")
whatis("Version: 0.1.0")

depends_on("openmpi")
depends_on("hdf5")
prepend_path("PATH", pathJoin(prefix, "bin"))
prepend_path("CMAKE_PREFIX_PATH", prefix)
setenv("PUSHCART", pathJoin(prefix, "bin/pushcart"))
