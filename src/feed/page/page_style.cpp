#include "feed/page/page_parts.hpp"

namespace pushcart {

std::string_view page_style() {
  return R"css(
:root { color-scheme: light dark;
  --page: #f6f7f9; --card: #ffffff; --text: #1b2430; --soft: #566273; --line: #d5dbe3; --link: #0b5cad; --mark: #e8f0fb;
  --c0: #1f6fc4; --c1: #c2570c; --c2: #2e7d4f; --c3: #8a4fbf; --c4: #a3323f; --c5: #4a6572; }
@media (prefers-color-scheme: dark) { :root {
  --page: #12161c; --card: #1b2129; --text: #e6ebf1; --soft: #a3afbd; --line: #374252; --link: #8ec1ff; --mark: #24344a;
  --c0: #6fb1ff; --c1: #ff9f5a; --c2: #6fd39a; --c3: #c9a0f5; --c4: #ff8c96; --c5: #a9c0cc; } }
* { box-sizing: border-box; }
body { margin: 0; background: var(--page); color: var(--text);
  font: 16px/1.5 system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", Arial, sans-serif; }
main, header { max-width: 1180px; margin: 0 auto; padding: 0 16px; }
header { padding-top: 24px; }
h1 { font-size: 1.7rem; line-height: 1.2; margin: 0 0 4px; }
h2 { font-size: 1.25rem; margin: 0 0 12px; }
h3 { font-size: 1rem; margin: 12px 0 4px; }
a { color: var(--link); }
nav a { margin-right: 14px; }
section { background: var(--card); border: 1px solid var(--line); border-radius: 10px; padding: 18px; margin: 16px 0; }
.soft, .note, caption, header p { color: var(--soft); }
.note { font-size: .88rem; margin: 4px 0; }
code { font-size: .9em; overflow-wrap: anywhere; }
.figures { display: grid; grid-template-columns: repeat(auto-fit, minmax(140px, 1fr)); gap: 10px; margin-bottom: 12px; }
.figure { border: 1px solid var(--line); border-radius: 8px; padding: 8px 12px; }
.figure b { display: block; font-size: 1.3rem; font-variant-numeric: tabular-nums; }
.figure span { color: var(--soft); font-size: .88rem; }
.columns { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 420px), 1fr)); gap: 8px 28px; }
.columns > * { min-width: 0; }
.chart { overflow-x: auto; }
.chart svg { display: block; width: 100%; min-width: 440px; max-width: 680px; height: auto; }
svg text { fill: var(--text); font-size: 13px; }
svg .tick { fill: var(--soft); font-size: 12px; }
svg .grid { stroke: var(--line); stroke-width: 1; }
svg .base { stroke: var(--soft); stroke-width: 1; }
svg .curve { fill: none; stroke: var(--c0); stroke-width: 2; stroke-linejoin: round; }
svg .dot { fill: var(--c0); }
.s0 { fill: var(--c0); background: var(--c0); } .s1 { fill: var(--c1); background: var(--c1); }
.s2 { fill: var(--c2); background: var(--c2); } .s3 { fill: var(--c3); background: var(--c3); }
.s4 { fill: var(--c4); background: var(--c4); } .s5 { fill: var(--c5); background: var(--c5); }
.interval { width: 200px; height: auto; display: block; }
.interval line.s0 { stroke: var(--c0); stroke-width: 3; } .interval line.s1 { stroke: var(--c1); stroke-width: 3; }
.interval line.s2 { stroke: var(--c2); stroke-width: 3; }
.legend { margin: 4px 0; font-size: .92rem; }
.legend span { display: inline-block; margin-right: 14px; }
.legend i { display: inline-block; width: 12px; height: 12px; border-radius: 3px; margin-right: 6px; }
.scroll { overflow-x: auto; margin: 8px 0; }
table { border-collapse: collapse; font-size: .93rem; font-variant-numeric: tabular-nums; }
.wide table { width: 100%; }
caption { text-align: left; padding: 4px 0; }
th, td { text-align: left; padding: 5px 14px 5px 0; border-bottom: 1px solid var(--line); vertical-align: middle; }
tbody th { font-weight: 500; }
th.n, td.n { text-align: right; white-space: nowrap; }
td.t { min-width: 120px; overflow-wrap: anywhere; }
td.d { white-space: nowrap; }
@media (max-width: 640px) { .metrics .soft { display: block; } .interval { width: 120px; } }
summary { cursor: pointer; color: var(--link); margin: 6px 0; }
label { font-weight: 600; display: block; margin: 8px 0 4px; }
input { width: 100%; max-width: 520px; font: inherit; padding: 8px 10px; border: 1px solid var(--soft); border-radius: 8px;
  background: var(--card); color: inherit; }
input:focus-visible, a:focus-visible, summary:focus-visible { outline: 3px solid var(--link); outline-offset: 2px; }
#matches { list-style: none; margin: 6px 0; padding: 0; max-width: 720px; }
#matches a { display: block; padding: 6px 8px; text-decoration: none; overflow-wrap: anywhere; border-radius: 6px; }
#matches a:hover, #matches a:focus { background: var(--mark); }
#matches .soft { font-size: .88rem; }
#found { margin-top: 12px; }
#found h3 { font-size: 1.1rem; overflow-wrap: anywhere; }
)css";
}

}  // namespace pushcart
