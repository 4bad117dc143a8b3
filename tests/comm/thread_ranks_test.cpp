#include "pushcart/comm/thread_ranks.hpp"

#include <gtest/gtest.h>
#include <omp.h>

#include <atomic>
#include <cmath>
#include <numeric>

#include "pushcart/comm/collectively.hpp"
#include "pushcart/comm/received_bytes.hpp"

namespace pushcart {
namespace {

/// Rank a sends (a * 5 + b * 3) % 7 numbers to rank b.
Count count_sent(int from, int to) {
  return (from * 5 + to * 3) % 7;
}

void exchange_numbers(const Communicator& comm) {
  std::vector<Count> send, counts, expected;
  Count of_others = 0;
  for (int other = 0; other < comm.size(); ++other) {
    counts.push_back(count_sent(comm.rank(), other));
    for (Count n = 0; n < counts.back(); ++n) send.push_back(comm.rank() * 10000 + other * 100 + n);
    for (Count n = 0; n < count_sent(other, comm.rank()); ++n)
      expected.push_back(other * 10000 + comm.rank() * 100 + n);
    if (other != comm.rank()) of_others += count_sent(other, comm.rank());
  }
  const Count before = received_bytes();
  const auto received = comm.alltoallv(std::span<const Count>(send), std::span<const Count>(counts));
  EXPECT_EQ(received.data, expected);
  EXPECT_EQ(received_bytes() - before, of_others * Count{sizeof(Count)});
  for (int other = 0; other < comm.size(); ++other)
    EXPECT_EQ(received.counts[static_cast<std::size_t>(other)], count_sent(other, comm.rank()));
}

void gather_and_reduce(const Communicator& comm) {
  const std::vector<Count> mine(static_cast<std::size_t>(comm.rank() * 2), comm.rank());
  std::vector<Count> expected;
  for (int r = 0; r < comm.size(); ++r) expected.insert(expected.end(), static_cast<std::size_t>(r * 2), r);
  EXPECT_EQ(comm.allgather(std::span<const Count>(mine)).data, expected);
  EXPECT_EQ(comm.gather(std::span<const Count>(mine), 0).data,
            comm.is_root() ? expected : std::vector<Count>{});
  const std::string text = comm.rank() == comm.size() - 1 ? std::string("seven\0bytes", 11) : "";
  EXPECT_EQ(comm.broadcast_text(text, comm.size() - 1), std::string("seven\0bytes", 11));
  EXPECT_EQ(comm.broadcast_text("", 0), "");
  const Count ranks = comm.size(), all = ranks * (ranks - 1) / 2;
  for (const std::size_t length : {0, 1, 2, 20}) {
    std::vector<Count> sums(length), least(length);
    std::iota(sums.begin(), sums.end(), comm.rank());
    std::iota(least.begin(), least.end(), comm.rank());
    std::vector<std::uint8_t> most(length, static_cast<std::uint8_t>(comm.rank()));
    comm.allreduce(std::span<Count>(sums), Reduce::sum);
    comm.allreduce(std::span<Count>(least), Reduce::min);
    comm.allreduce(std::span<std::uint8_t>(most), Reduce::max);
    for (std::size_t i = 0; i < length; ++i) {
      EXPECT_EQ(sums[i], all + ranks * static_cast<Count>(i));
      EXPECT_EQ(least[i], static_cast<Count>(i));
      EXPECT_EQ(most[i], ranks - 1);
    }
  }
  EXPECT_EQ(comm.allreduce(std::ldexp(1.0, comm.rank()), Reduce::sum), std::ldexp(1.0, comm.size()) - 1);
  EXPECT_EQ(comm.exclusive_sum(comm.rank() + 1), comm.rank() * (comm.rank() + 1) / 2);
  comm.barrier();
}

TEST(ThreadRanks, HaveTheCollectivesOfProcesses) {
  for (const int num_ranks : {1, 2, 3, 4, 7, 20}) {
    std::atomic<Count> num_run{0}, sum_of_ranks{0};
    run_thread_ranks(num_ranks, [&](const Communicator& comm) {
      EXPECT_EQ(comm.size(), num_ranks);
      ++num_run;
      sum_of_ranks += comm.rank();
      for (int again = 0; again < 3; ++again) {
        exchange_numbers(comm);
        gather_and_reduce(comm);
      }
    });
    EXPECT_EQ(num_run, num_ranks);
    EXPECT_EQ(sum_of_ranks, num_ranks * (num_ranks - 1) / 2);
  }
}

TEST(ThreadRanks, CountWhatComesToEachApartFromTheCallersBytes) {
  const Count before = received_bytes();
  std::vector<Count> received(5);
  run_thread_ranks(5, [&](const Communicator& comm) {
    const std::vector<Count> counts(5, comm.rank());
    const std::vector<char> bytes(static_cast<std::size_t>(5 * comm.rank()));
    comm.alltoallv(std::span<const char>(bytes), std::span<const Count>(counts));
    received[static_cast<std::size_t>(comm.rank())] = received_bytes();
  });
  EXPECT_EQ(received, (std::vector<Count>{10, 9, 8, 7, 6}));
  EXPECT_EQ(received_bytes(), before);
}

TEST(ThreadRanks, MeetAnErrorTogether) {
  try {
    run_thread_ranks(4, [](const Communicator& comm) {
      collectively(comm, "reading", [&] {
        if (comm.rank() == 2) throw InputError("file.csv:7: no item");
      });
    });
    FAIL() << "nothing was thrown";
  } catch (const CollectiveError& error) {
    EXPECT_EQ(error.code(), ExitCode::bad_input);
    EXPECT_NE(std::string(error.what()).find("file.csv:7: no item (rank 2"), std::string::npos);
  }
}

TEST(ThreadRanks, EndWhenOneEndsWhereOthersWait) {
  const auto run = [](bool fails) {
    run_thread_ranks(3, [&](const Communicator& comm) {
      comm.barrier();
      if (comm.rank() == 1 && fails) throw InputError("the cause");
      if (comm.rank() != 1) comm.sum(1);
    });
  };
  EXPECT_THROW(run(true), InputError);
  EXPECT_THROW(run(false), InternalError);
}

TEST(ThreadRanks, RefuseWhatOnlyProcessesHave) {
  EXPECT_THROW(run_thread_ranks(2, [](const Communicator& comm) { comm.duplicate(); }), InternalError);
  EXPECT_THROW(run_thread_ranks(2, [](const Communicator& comm) { comm.split(0, 0); }), InternalError);
  EXPECT_THROW(run_thread_ranks(2, [](const Communicator& comm) { comm.ranks_on_node(); }), InternalError);
}

TEST(ThreadRanks, CutWorkAsForAllThreadsAndDoItAlone) {
  const int before = omp_get_max_threads();
  omp_set_num_threads(3);
  run_thread_ranks(2, [](const Communicator&) {
    EXPECT_EQ(omp_get_max_threads(), 3);
    int team = 0;
#pragma omp parallel
    {
#pragma omp atomic
      ++team;
    }
    EXPECT_EQ(team, 1);
  });
  EXPECT_EQ(omp_get_max_threads(), 3);
  omp_set_num_threads(before);
}

}  // namespace
}  // namespace pushcart
