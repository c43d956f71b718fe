/** The style of every page, the phone first. No image, no font, nothing from elsewhere. */
export const style = `
:root {
  color-scheme: light dark;
  --ground: #f3f5f7; --card: #ffffff; --line: #d5dce3; --ink: #18222c; --soft: #52606e;
  --accent: #0b6b5b; --accent-ink: #ffffff; --accent-soft: #e2f2ee;
  --good: #14683a; --good-soft: #e3f4e9; --bad: #a8231a; --bad-soft: #fdeae8;
  --warn: #7d4a00; --warn-soft: #fdf0d8; --code: #eef1f4; --shade: 0 1px 2px rgb(16 32 48 / 8%), 0 4px 16px rgb(16 32 48 / 5%);
}
@media (prefers-color-scheme: dark) {
  :root {
    --ground: #0e141a; --card: #161e26; --line: #2d3944; --ink: #e7edf3; --soft: #a4b2c0;
    --accent: #45c2a8; --accent-ink: #06231d; --accent-soft: #12302b;
    --good: #7fdc9f; --good-soft: #13301f; --bad: #ff9e95; --bad-soft: #3b1a1a;
    --warn: #f4c572; --warn-soft: #35290f; --code: #0f161d; --shade: none;
  }
}
* { box-sizing: border-box; }
html { scroll-padding: 1rem; -webkit-text-size-adjust: 100%; }
body { margin: 0; background: var(--ground); color: var(--ink);
  font: 1rem/1.5 system-ui, -apple-system, "Segoe UI", Roboto, "Noto Sans", sans-serif; overflow-wrap: anywhere; }
h1, h2, h3, h4, p, ol, ul, dl, dd, figure, pre { margin: 0; }
h1 { font-size: 1.6rem; line-height: 1.2; letter-spacing: -.015em; text-wrap: balance; }
h2 { font-size: 1.1rem; line-height: 1.3; }
h3 { font-size: 1rem; line-height: 1.4; }
h4 { font-size: .85rem; color: var(--soft); font-weight: 600; }
ol, ul { padding: 0; list-style: none; }
a { color: var(--accent); }
code, pre, .diff { font-family: ui-monospace, "SF Mono", "Cascadia Mono", Menlo, Consolas, monospace; font-size: .85em; }
pre { font-size: .8rem; padding: .75rem; background: var(--code); border: 1px solid var(--line); border-radius: .5rem; white-space: pre-wrap; }
pre code { font-size: inherit; }
:focus-visible { outline: 3px solid var(--accent); outline-offset: 2px; border-radius: .25rem; }
.soft { color: var(--soft); }
.small { font-size: .85rem; }
.unseen { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); white-space: nowrap; }
.skip { position: absolute; left: 1rem; top: -4rem; z-index: 2; padding: .5rem 1rem; background: var(--card); }
.skip:focus { top: .5rem; }
.top, main { max-width: 70rem; margin-inline: auto; padding-inline: 1rem; }
.top { display: flex; flex-wrap: wrap; gap: 0 1rem; align-items: center; justify-content: space-between; padding-block: .75rem; }
.brand { display: flex; gap: .5rem; align-items: center; font-weight: 650; }
.logo { width: 1.5rem; height: 1.5rem; }
.logo rect { fill: var(--accent); }
.logo path { fill: none; stroke: var(--accent-ink); stroke-width: 3.5; stroke-linecap: round; }
main { padding-block: .5rem 3rem; }
.plain { display: grid; gap: .75rem; max-width: 36rem; padding-block: 3rem; }
.card { background: var(--card); border: 1px solid var(--line); border-radius: .75rem; padding: 1rem; box-shadow: var(--shade); }
.intro { display: grid; gap: .6rem; }
.lede { font-size: 1.1rem; max-width: 46rem; color: var(--soft); text-wrap: pretty; }
.tags { display: flex; flex-wrap: wrap; gap: .4rem .6rem; align-items: center; }
.tag, .pill { display: inline-block; border-radius: 1rem; padding: .05rem .6rem; font-size: .8rem; font-weight: 600; white-space: nowrap;
  border: 1px solid var(--line); background: var(--code); color: var(--ink); }
.pill { padding: .2rem .8rem; font-size: .85rem; white-space: normal; }
.pill::before { content: ""; display: inline-block; width: .55rem; height: .55rem; margin-right: .5rem; border-radius: 50%; background: currentcolor; }
.pill-waiting, .pill-late, .pill-lapsed, .pill-over, .pill-replaced, .outcome-undone, .outcome-undetermined, .risk-medium { color: var(--warn); background: var(--warn-soft); border-color: currentcolor; }
.pill-approved, .outcome-fixed, .risk-low { color: var(--good); background: var(--good-soft); border-color: currentcolor; }
.pill-rejected, .outcome-failed, .risk-high { color: var(--bad); background: var(--bad-soft); border-color: currentcolor; }
.tag.state { color: var(--accent); background: var(--accent-soft); border-color: currentcolor; }
.facts { display: grid; grid-template-columns: repeat(auto-fit, minmax(10rem, 1fr)); gap: .75rem 1rem; margin-top: .4rem; }
.facts dd { font-size: .95rem; }
.facts .soft { font-size: .9rem; }
dt { font-size: .8rem; color: var(--soft); font-weight: 600; }
.columns, .story, .more { display: grid; gap: 1.5rem; align-content: start; min-width: 0; }
section { display: grid; gap: .6rem; min-width: 0; }
.card { display: grid; gap: .75rem; min-width: 0; }
table { width: 100%; border-collapse: collapse; font-size: .9rem; }
th, td { text-align: left; vertical-align: top; font-weight: 400; padding: .4rem .75rem .4rem 0; border-top: 1px solid var(--line); }
tbody th { overflow-wrap: anywhere; }
thead th { border-top: 0; padding-top: 0; font-size: .8rem; font-weight: 600; color: var(--soft); }
td:nth-child(2) { font-weight: 650; }
th:last-child, td:last-child { padding-right: 0; color: var(--soft); }
summary { cursor: pointer; padding-block: .15rem; }
details > * + * { margin-top: .5rem; }
.chart svg { display: block; width: 100%; height: auto; overflow: visible; }
.chart text { fill: var(--soft); font-size: 22px; font-variant-numeric: tabular-nums; }
.chart .grid { stroke: var(--line); }
.chart .area { fill: var(--accent); opacity: .14; }
.chart .line { fill: none; stroke: var(--accent); stroke-width: 2.5; stroke-linejoin: round; }
.chart .dot { fill: var(--accent); }
.chart .alarm { stroke: var(--bad); stroke-width: 2; stroke-dasharray: 6 4; }
.chart .alarm-name { fill: var(--bad); font-weight: 650; }
figcaption { margin-top: .5rem; font-size: .85rem; color: var(--soft); }
figcaption b { color: var(--ink); font-weight: 600; }
.steps { display: grid; gap: 1rem; }
.step article, .step header { display: grid; gap: .6rem; }
.step h3 { font-size: 1.05rem; text-wrap: pretty; }
.diff { border: 1px solid var(--line); border-radius: .5rem; overflow: hidden; }
.diff p { display: flex; gap: .75rem; padding: .25rem .75rem; }
.diff .setting { background: var(--code); color: var(--soft); }
.diff del, .diff ins { text-decoration: none; }
.diff ins { font-weight: 650; }
.diff .before { background: var(--bad-soft); color: var(--bad); }
.diff .after { background: var(--good-soft); color: var(--good); }
.pairs { display: grid; gap: .5rem; }
.plainlist, .timeline { gap: 0; padding-block: .25rem; }
.plainlist li, .timeline li { padding-block: .6rem; border-top: 1px solid var(--line); }
.plainlist li:first-child, .timeline li:first-child { border-top: 0; }
.plainlist .tags { display: inline-flex; }
.timeline { font-size: .9rem; }
.when { display: block; color: var(--soft); font-variant-numeric: tabular-nums; font-size: .85rem; }
.verdict { border-top: 4px solid var(--accent); align-content: start; }
.verdict-rejected { border-top-color: var(--bad); }
.verdict-lapsed, .verdict-late, .verdict-over, .verdict-replaced, .verdict-withdrawn { border-top-color: var(--warn); }
.asked { display: grid; gap: .4rem; }
.asked li { display: flex; gap: .25rem .5rem; align-items: baseline; justify-content: space-between; }
.deadline { padding: .6rem .75rem; background: var(--warn-soft); color: var(--ink); border-radius: .5rem; }
.notice { padding: .6rem .75rem; background: var(--bad-soft); border-radius: .5rem; }
.note { white-space: pre-wrap; }
form { display: grid; gap: .75rem; }
.field { display: grid; gap: .25rem; }
label { font-weight: 600; font-size: .9rem; }
label .soft { font-weight: 400; }
input, textarea, button { font: inherit; color: inherit; border-radius: .5rem; }
input, textarea { width: 100%; padding: .55rem .7rem; background: var(--ground); border: 1px solid var(--soft); resize: vertical; }
.actions { display: grid; grid-template-columns: 1fr 1fr; gap: .75rem; }
button { min-height: 3rem; padding: .5rem; white-space: nowrap; font-weight: 650; cursor: pointer; border: 2px solid transparent; }
.approve { background: var(--accent); color: var(--accent-ink); border-color: var(--accent); }
.reject { background: var(--card); color: var(--bad); border-color: var(--bad); }
.approve:hover, .reject:hover { box-shadow: 0 0 0 3px var(--accent-soft); }
.jump { position: sticky; bottom: 0; margin-inline: -1rem; padding: .6rem 1rem max(.6rem, env(safe-area-inset-bottom)); background: var(--ground); border-top: 1px solid var(--line); }
.jump a { display: block; padding: .75rem; border-radius: .5rem; background: var(--accent); color: var(--accent-ink); font-weight: 650; text-align: center; text-decoration: none; }
@media (max-width: 39.99rem) {
  table, thead, tbody { display: block; }
  thead tr { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); }
  tbody tr { display: grid; grid-template-columns: 3fr 2fr; gap: 0 1rem; padding-block: .5rem; border-top: 1px solid var(--line); }
  tbody th, tbody td { border: 0; padding: 0; }
  tbody th { grid-column: 1 / -1; color: var(--soft); }
  td:last-child::before { content: "expected "; }
}
@media (min-width: 40rem) {
  h1 { font-size: 2.1rem; }
  .card { padding: 1.25rem; }
  .plainlist, .timeline { padding-block: .5rem; }
  .chart text { font-size: 14px; }
  .pairs > div { display: grid; grid-template-columns: 6.5rem 1fr; gap: 1rem; }
  .pairs dt { padding-top: .15rem; }
  .timeline li { display: grid; grid-template-columns: 11.5rem 1fr; gap: 1rem; }
}
@media (min-width: 60rem) {
  .columns { grid-template-columns: minmax(0, 1fr) 21rem; gap: 1.75rem 2rem; align-items: start; }
  .verdict { grid-area: 1 / 2 / span 3; position: sticky; top: 1rem; }
  .verdict .pairs > div { grid-template-columns: 1fr; gap: 0; }
  .jump { display: none; }
}
@media (prefers-reduced-motion: no-preference) { html { scroll-behavior: smooth; } }
@media (forced-colors: active) { .pill::before { background: CanvasText; } .approve, .jump a { border: 2px solid ButtonText; } }
@media print { .jump, form, .skip { display: none; } .card { box-shadow: none; break-inside: avoid; } }
`;
