#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>

namespace pushcart {

/// A speed, and where its figure is from.
struct Rate {
  double value = 0;
  std::string source;
};

/// What times are made of. A core is a thread of a rank.
struct Rates {
  Rate ingested_lines{2.1e6, "docs/parallel.md"};  ///< log lines a second and core, the whole ingest
  Rate product_flops{140e9, "docs/parallel.md"};   ///< operations of matrix products a second and core
  Rate gathered_bytes{6.7e9, "docs/parallel.md"};  ///< of gathered factor rows a second and core
  Rate sweep_factor{2.2,
                    "docs/parallel.md"};  ///< time of a sweep over that of its products and gathers, no unit
  Rate scored_pairs{2.7e9, "docs/parallel.md"};  ///< user-item pairs a second and core, in top-N
  Rate multiply_adds{0.325e9,
                     "docs/similarity.md"};        ///< of sparse products for similarities, a second and core
  Rate subspace_rounds{15, "docs/planning.md"};    ///< of the subspace iteration of spectral, no unit
  Rate subspace_products{16, "docs/planning.md"};  ///< with the matrix in them
  Rate network_bytes{10e9, "assumed, not measured"};  ///< into a node, a second
};

/// Takes from a run record what it has measured. @return whether there was anything. Local.
bool take_rates(const nlohmann::ordered_json& record, const std::string& name, Rates& rates);

}  // namespace pushcart
