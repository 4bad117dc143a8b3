#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include "pushcart/plan/job_plan.hpp"

namespace pushcart {

/// A plan as tables for people. Local.
std::string plan_text(const JobPlan& plan, const PlannedJob& job, const Rates& rates);

/// The same for programs: by rank, bytes and seconds. Local.
nlohmann::ordered_json plan_json(const JobPlan& plan, const PlannedJob& job, const Rates& rates);

/// Lines for the head of a Slurm job, with room to spare: a quarter of the memory, as much time again. Local.
std::vector<std::string> sbatch_lines(const JobPlan& plan, const PlannedJob& job);

}  // namespace pushcart
