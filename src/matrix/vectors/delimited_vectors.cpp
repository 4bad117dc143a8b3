#include <fmt/core.h>

#include <cmath>
#include <limits>
#include <optional>

#include "events/field_values.hpp"
#include "matrix/delimited_lines.hpp"
#include "matrix/vectors/vector_rows.hpp"
#include "pushcart/comm/collectively.hpp"

namespace pushcart::detail {

namespace {

/// A number that a float32 can hold.
std::optional<float> parse_float(std::string_view text) {
  const auto number = parse_number(trim_blanks(text));
  if (!number || std::abs(*number) > static_cast<double>(std::numeric_limits<float>::max())) return {};
  return static_cast<float>(*number);
}

/// What the first line says about all others.
struct LineForm {
  char delimiter = ',';
  bool has_header = false;
  Count num_columns = 0;
};

LineForm form_of(const InputFile& input) {
  const std::string line = first_line(input, longest_line);
  const auto first = without_carriage_return(line);
  LineForm form;
  form.delimiter = most_frequent_delimiter(first);
  std::vector<std::string> fields;
  if (first.size() > longest_line || !split_fields(first, form.delimiter, fields) || fields.size() < 2) {
    throw InputError(fmt::format("{}:1: is not an id and its numbers, nor a header of them", input.path));
  }
  form.has_header = !parse_float(fields[1]);
  form.num_columns = static_cast<Count>(fields.size()) - 1;
  return form;
}

/// This rank's lines, up to the first that is wrong.
class LineReader {
 public:
  explicit LineReader(const LineForm& form) : form_(form) { rows_.num_columns = form.num_columns; }

  void add(std::string_view line, bool is_first_of_file) {
    if (fault_) return;
    ++num_lines_;
    if (line.empty() || (is_first_of_file && form_.has_header)) return;
    std::string reason = add_row(line);
    if (!reason.empty()) fault_ = std::move(reason);
  }

  VectorRows take() { return std::move(rows_); }
  Count num_lines() const { return num_lines_; }  ///< up to the wrong one
  const std::optional<std::string>& fault() const { return fault_; }

 private:
  /// @return what is wrong with it, if anything
  std::string add_row(std::string_view line) {
    if (line.size() > longest_line) return fmt::format("is longer than {} bytes", longest_line);
    if (!split_fields(line, form_.delimiter, fields_)) return "a quote does not close";
    const auto num_numbers = static_cast<Count>(fields_.size()) - 1;
    if (num_numbers != form_.num_columns) {
      return fmt::format("has {} numbers after its id, the first line {}", num_numbers, form_.num_columns);
    }
    if (fields_.front().empty()) return "has no id";
    for (std::size_t field = 1; field < fields_.size(); ++field) {
      const auto number = parse_float(fields_[field]);
      if (!number)
        return fmt::format("field {}: {} is not a finite number", field + 1, shown(fields_[field]));
      rows_.values.push_back(*number);
    }
    rows_.ids.push_back(fields_.front());
    return {};
  }

  const LineForm form_;
  VectorRows rows_;
  std::vector<std::string> fields_;
  Count num_lines_ = 0;
  std::optional<std::string> fault_;
};

}  // namespace

VectorRows read_delimited_vectors(const Communicator& comm, const std::string& path,
                                  const AnnounceColumns& announce) {
  std::vector<InputFile> inputs;
  const LineForm form = collectively(comm, "reading item vectors", [&] {
    inputs = find_inputs({path});
    if (inputs.size() != 1) {
      throw ConfigError(fmt::format("{}: matches {} files; name one", path, inputs.size()));
    }
    return form_of(inputs.front());
  });
  announce(form.num_columns);
  LineReader reader(form);
  collectively(comm, "reading item vectors", [&] {
    const auto units = share_inputs(inputs, comm.size());
    for_each_line(inputs.front(), units[static_cast<std::size_t>(comm.rank())],
                  [&](std::string_view line, bool is_first) { reader.add(line, is_first); });
  });
  const Count lines_before = comm.exclusive_sum(reader.num_lines());
  collectively(comm, "reading item vectors", [&] {
    if (reader.fault()) {
      throw InputError(fmt::format("{}:{}: {}", path, lines_before + reader.num_lines(), *reader.fault()));
    }
  });
  return reader.take();
}

}  // namespace pushcart::detail
