#include "pushcart/models/category_vectors.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <numeric>

#include "models/als/dense.hpp"
#include "models/attributes/tags.hpp"
#include "models/content/column_signs.hpp"
#include "models/content/low_rank.hpp"
#include "models/content/settings.hpp"
#include "models/content/term_rows.hpp"
#include "pushcart/base/error.hpp"
#include "pushcart/base/log.hpp"
#include "pushcart/base/nearest_float.hpp"
#include "pushcart/comm/collectively.hpp"
#include "pushcart/comm/exact_sum.hpp"
#include "pushcart/ids/fetch_strings.hpp"
#include "pushcart/ids/fetched_rows.hpp"
#include "pushcart/matrix/assemble.hpp"
#include "pushcart/matrix/numbered_texts.hpp"

namespace pushcart {

namespace {

using content::TextTerms;

/// The owned users as texts: the categories of their events, as often as there are events. Collective.
TextTerms terms_of_users(const Communicator& comm, const CategoryEvents& events,
                         const std::string& separator) {
  std::vector<Count> named = events.by_user.columns;
  std::sort(named.begin(), named.end());
  named.erase(std::unique(named.begin(), named.end()), named.end());
  const StringTable texts = fetch_strings(comm, events.categories, events.names, named);
  const TextTerms of_text = content::text_terms(
      texts, [&](std::string_view text, const auto& visit) { for_each_tag(text, separator, visit); });
  TextTerms users;
  users.terms = of_text.terms;
  users.num_texts.assign(of_text.num_texts.size(), 0);
  std::map<Count, double> of_user;
  for (Count row = 0; row < events.by_user.num_rows(); ++row) {
    of_user.clear();
    const auto columns = events.by_user.row_columns(row);
    const auto counts = events.by_user.row_values(row);
    for (std::size_t e = 0; e < columns.size(); ++e) {
      const auto text =
          static_cast<std::size_t>(std::lower_bound(named.begin(), named.end(), columns[e]) - named.begin());
      for (Count t = of_text.offsets[text]; t < of_text.offsets[text + 1]; ++t)
        of_user[of_text.term[static_cast<std::size_t>(t)]] += static_cast<double>(counts[e]);
    }
    for (const auto& [term, count] : of_user) {
      ++users.num_texts[static_cast<std::size_t>(term)];
      users.term.push_back(term);
      users.frequency.push_back(nearest_float(count));
    }
    users.offsets.push_back(static_cast<Count>(users.term.size()));
  }
  return users;
}

/// Categories by their numbers in the whole job: by items, descending, then bytes.
struct NumberedCategories {
  TextNumbers of_items, of_users;  ///< by term of each; counts are those of items, and of users
  Count total = 0;
};

NumberedCategories number_categories(const Communicator& comm, const TextTerms& items,
                                     const TextTerms& users) {
  const CountLimits all{1, std::numeric_limits<Count>::max()};
  StringTable both = items.terms;
  std::vector<Count> counts = items.num_texts;  // users name no category that no item has
  for (Count term = 0; term < users.terms.size(); ++term) both.push_back(users.terms[term]);
  counts.resize(static_cast<std::size_t>(both.size()), 0);
  TextNumbers numbers = number_texts(comm, both, counts, all);
  const auto split = static_cast<std::ptrdiff_t>(items.num_texts.size());
  NumberedCategories result{{}, number_texts(comm, users.terms, users.num_texts, all), numbers.total};
  result.of_users.index.assign(numbers.index.begin() + split, numbers.index.end());
  numbers.index.resize(items.num_texts.size());
  numbers.count.resize(items.num_texts.size());
  result.of_items = std::move(numbers);
  return result;
}

/// M. Local.
SparseRows user_rows(const TextTerms& users, const NumberedCategories& numbers, const Partition& partition,
                     int rank) {
  // One more than there are, so that a category of all users still counts.
  const content::TermWeighting weighting{
      .tf_exponent = 0.5, .idf_exponent = 1, .num_texts = static_cast<double>(partition.num_rows() + 1)};
  SparseRows rows;
  rows.rows = partition.range(rank);
  rows.num_columns = numbers.total;
  for (Count user = 0; user < rows.rows.size(); ++user) {
    content::append_term_row(users, numbers.of_users, weighting, user, 1, 0, rows);
    rows.offsets.push_back(static_cast<Count>(rows.columns.size()));
  }
  return rows;
}

/// Y S^0.5 beside columns of zeros, each row of length 1, or 0 where next to nothing of the category is kept:
/// what is left there are rounding errors. Collective.
FactorTable unit_rows(const Communicator& comm, const linear::LeadingVectors& found, Count num_columns,
                      const SparseRows& by_category, double least_share) {
  const FactorTable& from = found.vectors;
  FactorTable to{from.rows, num_columns,
                 std::vector<float>(static_cast<std::size_t>(from.rows.size() * num_columns), 0.0F)};
  std::vector<double> kept(static_cast<std::size_t>(from.rows.size()), 0.0);
  for (Count row = 0; row < from.rows.size(); ++row) {
    for (std::size_t c = 0; c < found.eigenvalues.size(); ++c) {
      const auto value = static_cast<double>(from.row(row)[c]);
      kept[static_cast<std::size_t>(row)] += found.eigenvalues[c] * value * value;
      to.row(row)[c] = nearest_float(std::pow(found.eigenvalues[c], 0.25) * value);
    }
  }
  content::choose_signs(comm, to);
  const std::vector<double> squares = content::squares_of_rows(by_category);
  for (Count row = 0; row < to.rows.size(); ++row) {
    const auto at = static_cast<std::size_t>(row);
    const bool tells = squares[at] > 0 && kept[at] >= least_share * squares[at];
    const double length = tells ? std::sqrt(als::sum_of_squares(to.row(row))) : 0.0;
    for (float& value : to.row(row))
      value = length > 0 ? nearest_float(static_cast<double>(value) / length) : 0.0F;
  }
  return to;
}

/// The mean over each item's categories; NaN where none has a vector. Collective.
FactorTable item_means(const Communicator& comm, const Dataset& dataset, const TextTerms& items,
                       const TextNumbers& numbers, const Partition& categories, const FactorTable& table) {
  const auto width = static_cast<std::size_t>(table.num_columns);
  const FetchedRows fetched(comm, categories, table.values, width, numbers.index);
  FactorTable means{dataset.items.range(comm.rank()), table.num_columns, {}};
  std::vector<double> sums(width);
  for (Count item = 0; item < means.rows.size(); ++item) {
    std::map<Count, std::size_t> terms;  // by number, so that the order of the sum is the same on any rank
    for (Count t = items.offsets[static_cast<std::size_t>(item)];
         t < items.offsets[static_cast<std::size_t>(item) + 1]; ++t) {
      const auto term = static_cast<std::size_t>(items.term[static_cast<std::size_t>(t)]);
      terms.emplace(numbers.index[term], term);
    }
    std::fill(sums.begin(), sums.end(), 0.0);
    double weights = 0;
    for (const auto& [number, term] : terms) {
      const auto row = fetched.row(number);
      if (als::sum_of_squares(row) == 0) continue;
      const double rarity = std::log(static_cast<double>(2 + dataset.num_items()) /
                                     static_cast<double>(1 + numbers.count[term]));
      weights += rarity * rarity;
      for (std::size_t c = 0; c < width; ++c) sums[c] += rarity * rarity * static_cast<double>(row[c]);
    }
    for (const double sum : sums) means.values.push_back(weights > 0 ? nearest_float(sum / weights) : NAN);
  }
  return means;
}

/// ConfigError if it is over the budget. Collective.
void announce(const Communicator& comm, const Dataset& dataset, const TrainingRows& rows,
              const Partition& categories, const CategoryVectorsConfig& config, Count k) {
  constexpr Count entry_bytes = sizeof(Count) + sizeof(float);
  const Range own_users = dataset.users.range(comm.rank()), own = categories.range(comm.rank());
  const Count width = linear::block_width(k, dataset.num_users(), categories.num_rows());
  MemoryPlan plan;
  plan.add("categories of users, as terms and both ways", 3 * rows.by_user().num_entries() * entry_bytes);
  content::plan_blocks(plan, own.size(), own_users.size(), width);
  plan.add("vectors", 2 * (dataset.items.range(comm.rank()).size() + own.size()) * config.dimensions *
                          Count{sizeof(float)});
  plan.add("rows fetched", linear::NormalizedMatrix::planned_bytes(comm, rows, dataset.users, categories,
                                                                   width, config.svd.batch_bytes));
  announce_memory(comm, "category vectors", plan, config.svd.memory_budget_bytes);
}

Count count_missing(const FactorTable& table) {
  Count missing = 0;
  for (Count row = 0; row < table.rows.size(); ++row) missing += std::isnan(table.row(row).front()) ? 1 : 0;
  return missing;
}

}  // namespace

void check_config(const CategoryVectorsConfig& config) {
  if (config.dimensions < 1 || config.dimensions > 4096)
    throw ConfigError("--category-vectors: must be in [1, 4096]");
  if (config.separator.empty()) throw ConfigError("--tag-separator: must not be empty");
  content::check_iteration(config.svd.tolerance, config.svd.max_rounds);
}

CategoryVectors category_vectors(const Communicator& comm, const Dataset& dataset,
                                 const CategoryEvents& events, const CategoryVectorsConfig& config,
                                 PhaseLog& phases) {
  const TextTerms items = collectively(comm, "reading categories", [&] {
    check_config(config);
    return content::item_terms(dataset, {TextKind::tags, config.attribute}, config.separator);
  });
  const TextTerms users = terms_of_users(comm, events, config.separator);
  const NumberedCategories numbers = number_categories(comm, items, users);
  SparseRows by_user = user_rows(users, numbers, dataset.users, comm.rank());
  CategoryVectors result;
  result.num_categories = numbers.total;
  result.num_entries = comm.sum(by_user.num_entries());
  if (result.num_entries == 0) {
    const Range mine = dataset.items.range(comm.rank());
    result.vectors = {mine, config.dimensions,
                      std::vector<float>(static_cast<std::size_t>(mine.size() * config.dimensions), NAN)};
    result.num_items_without = dataset.num_items();
    return result;
  }
  als::use_one_blas_thread();
  const Partition categories = partition_by_entries(comm, numbers.total, by_user.columns);
  const StringTable names = numbered_texts(comm, categories, items.terms, numbers.of_items.index);
  SparseRows by_category = transpose(comm, by_user, categories, dataset.num_users());
  const TrainingRows rows(std::move(by_user), std::move(by_category));
  const Count k = std::min({config.dimensions, dataset.num_users(), numbers.total});
  announce(comm, dataset, rows, categories, config, k);
  linear::NormalizedMatrix matrix(comm, rows, dataset.users, categories, {0, 0},
                                  linear::block_width(k, dataset.num_users(), numbers.total),
                                  config.svd.batch_bytes);
  const linear::LeadingVectors found = linear::leading_vectors(
      matrix, names, {k, config.svd.tolerance, config.svd.max_rounds, config.svd.seed}, phases);
  if (found.worst_residual > config.svd.tolerance) {
    log_warning("category vectors: residual {:.3g} after {} rounds, not {}; take more --max-rounds",
                found.worst_residual, found.rounds, config.svd.tolerance);
  }
  result.vectors =
      item_means(comm, dataset, items, numbers.of_items, categories,
                 unit_rows(comm, found, config.dimensions, rows.by_item(), config.svd.tolerance));
  result.num_items_without = comm.sum(count_missing(result.vectors));
  result.rounds = found.rounds;
  for (const double eigenvalue : found.eigenvalues) result.singular_values.push_back(std::sqrt(eigenvalue));
  const std::vector<double> squares = content::squares_of_rows(rows.by_user());
  result.kept_share = std::accumulate(found.eigenvalues.begin(), found.eigenvalues.end(), 0.0) /
                      exact_sum(comm, squares, 1).front();
  log_info("category vectors: {} categories, {} of {} items without; {} rounds, {:.1f} % of the squares",
           numbers.total, result.num_items_without, dataset.num_items(), found.rounds,
           100 * result.kept_share);
  return result;
}

}  // namespace pushcart
