#include "topn/served_rows.hpp"

#include <gtest/gtest.h>

#include <numeric>

namespace pushcart::test {
namespace {

using detail::plan_loans;
using detail::RowLoan;

std::vector<Count> after(std::vector<Count> rows, const std::vector<RowLoan>& loans) {
  for (const RowLoan& loan : loans) {
    EXPECT_GT(loan.rows, 0);
    EXPECT_NE(loan.from, loan.to);
    rows[static_cast<std::size_t>(loan.from)] -= loan.rows;
    rows[static_cast<std::size_t>(loan.to)] += loan.rows;
  }
  return rows;
}

TEST(RowLoans, LeaveEveryRankItsShare) {
  const std::vector<std::vector<Count>> cases = {
      {100, 0},           {0, 100},      {10, 20, 30},        {0, 0, 7, 0},          {1000, 1, 1, 1, 1},
      {5, 5, 5, 5, 1000}, {3, 500, 499}, {0, 300, 0, 300, 9}, {1000000007, 0, 0, 1}, {0, 0, 0, 0, 0, 0, 64}};
  for (const auto& rows : cases) {
    const auto loans = plan_loans(rows);
    const auto shares = after(rows, loans);
    EXPECT_LE(
        *std::max_element(shares.begin(), shares.end()) - *std::min_element(shares.begin(), shares.end()), 1);
    for (std::size_t i = 1; i < loans.size(); ++i) {
      EXPECT_TRUE(loans[i - 1].from < loans[i].from ||
                  (loans[i - 1].from == loans[i].from && loans[i - 1].to < loans[i].to));
    }
  }
}

TEST(RowLoans, NothingMovesForLittle) {
  EXPECT_TRUE(plan_loans({0}).empty());
  EXPECT_TRUE(plan_loans({0, 0, 0}).empty());
  EXPECT_TRUE(plan_loans({1, 0}).empty());
  EXPECT_TRUE(plan_loans({1000, 1010, 990}).empty());
}

}  // namespace
}  // namespace pushcart::test
