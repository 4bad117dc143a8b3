#include "app/command_line.hpp"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>

#include "app/toml_file.hpp"
#include "pushcart/base/error.hpp"
#include "pushcart/base/suggest.hpp"

namespace pushcart::app {

void declare_common(OptionSet& options, CommonOptions& common) {
  options.add("config", common.config, "TOML file with settings; the command line overrides it");
  options.add_flag("dump-config", common.dump_config, "print all settings as a TOML file and end");
  options.add_flag("json", common.json, "print the results as JSON on stdout");
  options.add_flag("quiet", common.quiet, "log errors only");
  options.add_flag("verbose", common.verbose, "log more");
  options.add("threads", common.threads, "OpenMP threads a rank; 0 = OMP_NUM_THREADS, or an even share of the cores");
  options.add("cpu-path", common.cpu_path,
              "instruction set of the kernels (portable, avx2, avx512); absent = the best on all hosts");
  options.add("run-record", common.run_record, "file for the machine-readable record of the run");
  options.add("stall-minutes", common.stall_minutes,
              "end the job when a rank has waited so long for others in one call, longer than any works alone; 0 = never");
}

namespace {

std::string shown_default(const Option& option) {
  const auto texts = option.get();
  if (texts.empty()) return "";
  return fmt::format(" [{}]", fmt::join(texts, " "));
}

[[noreturn]] void refuse_extra(const std::string& extra, const OptionSet& options) {
  const auto known = options.keys();
  if (extra.rfind("--", 0) != 0) throw ConfigError(fmt::format("'{}' is not expected here; see --help", extra));
  const std::string key = extra.substr(2, extra.find('=') - 2);
  throw ConfigError(fmt::format("unknown option '--{}'; did you mean '--{}'?", key, nearest_word(key, known)));
}

}  // namespace

ParsedLine parse_command_line(const Command& command, const OptionSet& options, const std::vector<std::string>& arguments,
                              const std::vector<std::string>& all_verbs) {
  CLI::App app(command.summary(), "pushcart " + command.name());
  app.allow_extras();
  app.get_formatter()->column_width(34);
  app.footer(command.details());
  OptionValues given;
  const auto positional = command.positional();
  for (const Option& option : options.options()) {
    const bool is_positional = std::find(positional.begin(), positional.end(), option.key) != positional.end();
    const std::string name = (is_positional ? option.key + "," : "") + "--" + option.key;
    const std::string help = option.help + shown_default(option);
    auto* target = &given[option.key];
    if (option.arity == Arity::flag) {
      app.add_flag_callback(name, [target] { *target = {"true"}; }, help);
      app.add_flag_callback("--no-" + option.key, [target] { *target = {"false"}; })->group("");
    } else {
      auto* added = app.add_option(name, *target, help);
      if (option.arity == Arity::many) added->expected(1, CLI::detail::expected_max_vector_size);
      else added->expected(1)->multi_option_policy(CLI::MultiOptionPolicy::TakeLast);
      added->type_name("");
    }
  }
  try {
    auto reversed = arguments;  // CLI11 takes them from the back
    std::reverse(reversed.begin(), reversed.end());
    app.parse(reversed);
  } catch (const CLI::CallForHelp&) {
    return {{}, app.help()};
  } catch (const CLI::ParseError& error) {
    throw ConfigError(error.what());
  }
  const auto extras = app.remaining();
  if (!extras.empty()) refuse_extra(extras.front(), options);

  ParsedLine line;
  if (!given["config"].empty()) {
    line.values = read_toml(given["config"].back(), command.name(), options, all_verbs);
  }
  for (auto& [key, texts] : given) {
    if (!texts.empty()) line.values[key] = std::move(texts);
  }
  return line;
}

}  // namespace pushcart::app
