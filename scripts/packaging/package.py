# Spack recipe: put this folder's file into a repository of your own as packages/pushcart/package.py, then
#   spack install pushcart
from spack.package import *


class Pushcart(CMakePackage):
    """Retrains a shop's recommender from its raw behaviour log, on any number of MPI ranks."""

    homepage = "https://example.org/pushcart"
    license("Apache-2.0")
    version("main", branch="main")

    variant("native", default=True, description="Compile for the CPU at hand")

    depends_on("cxx", type="build")
    depends_on("c", type="build")
    depends_on("cmake@3.25:", type="build")
    depends_on("ninja", type="build")
    depends_on("pkgconfig", type="build")
    depends_on("openmpi@4.1:")
    depends_on("hdf5@1.10.8: +mpi")
    depends_on("boost@1.74: +serialization")
    depends_on("eigen@3.4:")
    depends_on("openblas threads=none")
    depends_on("cli11@2:")
    depends_on("tomlplusplus@3:")
    depends_on("nlohmann-json@3:")
    depends_on("simdjson@3:")
    depends_on("fast-float@3:")
    depends_on("spdlog@1.10:")
    depends_on("fmt@9:")
    depends_on("zlib-api")
    depends_on("zstd")
    depends_on("xxhash")
    depends_on("icu4c")

    def cmake_args(self):
        return [self.define_from_variant("PUSHCART_NATIVE", "native"), self.define("PUSHCART_TESTS", False)]
