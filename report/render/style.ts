/** The style of the page: system fonts, colours with enough contrast in light and dark, any width, and paper. */

const COLOURS = `
:root { color-scheme: light dark; --text: light-dark(#1b1f24, #e8eaed); --soft: light-dark(#57606a, #a9b1bb);
  --line: light-dark(#d0d7de, #343b44); --ground: light-dark(#ffffff, #14171b); --raised: light-dark(#f5f7f9, #1c2127);
  --pass: light-dark(#116329, #6fdd8b); --fail: light-dark(#b31d28, #ff9a94); --unverified: light-dark(#7a4d00, #f0c36a);
  --unmeasured: light-dark(#57606a, #a9b1bb); --link: light-dark(#0a50a1, #8ec1ff); --plot: light-dark(#2f6fc4, #5b9bf0);
  --plot-base: light-dark(#b9770e, #d9a441); --mono: ui-monospace, SFMono-Regular, Menlo, Consolas, monospace; }
.pass { --state: var(--pass); } .fail { --state: var(--fail); } .unverified { --state: var(--unverified); }
.unmeasured { --state: var(--unmeasured); }
`

const BASE = `
* { box-sizing: border-box; }
html { scroll-padding-top: 1rem; }
body { margin: 0 auto; max-width: 80rem; padding: 1.5rem; background: var(--ground); color: var(--text);
  font: 1rem/1.5 system-ui, sans-serif; overflow-wrap: break-word; }
h1, h2, h3, p, ul, ol { margin: 0; }
ul, ol { padding: 0; list-style: none; }
a { color: var(--link); }
small { font-size: .875em; color: var(--soft); }
code { font: .875em/1.4 var(--mono); overflow-wrap: anywhere; }
:focus-visible { outline: 3px solid var(--link); outline-offset: 1px; border-radius: 3px; }
main:focus { outline: none; }
summary { cursor: pointer; list-style: none; }
summary::-webkit-details-marker { display: none; }
.hidden { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); white-space: nowrap; }
.skip { position: absolute; left: -999rem; padding: .5rem 1rem; background: var(--ground); }
.skip:focus { left: 1rem; top: 1rem; z-index: 2; }
`

const FIRST_SCREEN = `
header { display: grid; grid-template-columns: minmax(0, 1fr) minmax(0, 28rem); gap: 1.5rem 3rem; align-items: start;
  padding-bottom: 2rem; margin-bottom: 1.5rem; border-bottom: 1px solid var(--line); }
.kind { color: var(--soft); font-size: .875rem; letter-spacing: .02em; }
h1 { font-size: 2.25rem; line-height: 1.15; letter-spacing: -.02em; }
.what { font-size: 1.1rem; margin-top: .25rem; }
.facts, .origin { color: var(--soft); font-size: .875rem; margin-top: .35rem; }
.origin { margin-top: 1rem; }
.verdict { display: flex; flex-wrap: wrap; gap: .5rem 2rem; margin-top: 1.25rem; }
.verdict li { color: var(--state, var(--soft)); }
.verdict b { display: block; font-size: 2.25rem; line-height: 1.1; font-variant-numeric: tabular-nums; letter-spacing: -.02em; }
.verdict .none b { font-weight: 400; }
.bar { display: flex; gap: 2px; height: .4rem; margin: .75rem 0 1.25rem; }
.bar i { background: var(--state); min-width: .4rem; border-radius: 2px; }
.all { color: var(--state); font-weight: 600; }
.findings { border-left: 4px solid var(--state); padding-left: .9rem; margin-top: 1rem; }
.findings h2 { font-size: 1rem; color: var(--state); }
.findings li { margin-top: .25rem; }
.findings small { display: block; }
.latency figcaption { font-weight: 600; font-size: .925rem; }
.legend { display: block; font-weight: 400; font-size: .8125rem; color: var(--soft); }
.latency.empty { color: var(--soft); border: 1px dashed var(--line); padding: 1rem; border-radius: 6px; }
figure { margin: 0; }
.latency li { margin-top: .6rem; font-size: .8125rem; line-height: 1.35; }
.latency .name { font: .8125rem var(--mono); overflow-wrap: anywhere; }
.latency .figures { color: var(--soft); font-variant-numeric: tabular-nums; float: right; }
.track { position: relative; display: block; clear: both; height: 14px; margin-top: 2px; background: var(--raised); }
.track i, .key i { position: absolute; top: 0; font-style: normal; }
.tick { width: 1px; height: 100%; background: var(--line); }
.track .range { top: 5px; height: 4px; background: var(--plot); opacity: .55; border-radius: 2px; }
.track .dot { top: 2px; width: 10px; height: 10px; margin-left: -5px; border-radius: 50%; background: var(--plot); }
.track .range.base { top: 10px; background: var(--plot-base); }
.track .dot.base { top: 9px; width: 6px; height: 6px; margin-left: -3px; border-radius: 0; background: var(--plot-base); }
.key { white-space: nowrap; margin-right: .75rem; }
.key i { position: static; display: inline-block; vertical-align: middle; background: var(--plot); }
.key .range { width: 1.4rem; height: 4px; opacity: .55; } .key .dot { width: 10px; height: 10px; border-radius: 50%; }
.key .base { background: var(--plot-base); }
.axis { position: relative; height: 1.2rem; font-size: .75rem; color: var(--soft); font-variant-numeric: tabular-nums; }
.axis span { position: absolute; transform: translateX(-50%); }
.axis span:first-child { transform: none; } .axis span:last-child { transform: translateX(-100%); }
`

const SECTIONS = `
.layout { display: grid; grid-template-columns: 15rem minmax(0, 1fr); gap: 0 2.5rem; align-items: start; }
nav { position: sticky; top: 1rem; max-height: calc(100vh - 2rem); overflow-y: auto; font-size: .875rem; }
nav a { display: flex; justify-content: space-between; gap: .5rem; padding: .25rem .5rem; color: inherit; text-decoration: none; border-radius: 4px; }
nav a:hover { background: var(--raised); }
main { max-width: 62rem; }
main h2 { display: inline; font-size: 1.2rem; }
main .beside { display: block; margin: 2.5rem 0 .25rem; font-size: 1rem; font-weight: 400; color: var(--soft); }
h3 { font-size: .95rem; margin: .75rem 0 .25rem; }
.section > summary { display: flex; align-items: baseline; gap: .75rem; padding: .6rem 0; border-bottom: 1px solid var(--line); }
.section > summary::before, .chevron::before { content: ""; flex: none; align-self: center; width: .45rem; height: .45rem; margin: 0 .2rem;
  border: solid currentColor; border-width: 0 2px 2px 0; transform: rotate(-45deg); display: inline-block; }
details[open] > summary::before, details[open] > summary > .chevron::before { transform: rotate(45deg); }
.section > summary:hover, .rows summary:hover, .group > summary:hover { background: var(--raised); }
.body { padding: .5rem 0 1.75rem; }
.body > p { margin-bottom: .5rem; }
.counts { color: var(--soft); font-size: .875rem; white-space: nowrap; }
.counts > span { color: var(--state); font-variant-numeric: tabular-nums; }
.columns, .rows summary, .group > summary { display: grid; gap: 0 .75rem; padding: .3rem .25rem; align-items: baseline; overflow-wrap: anywhere; }
body .columns { color: var(--soft); font-size: .875rem; margin: 0; }
.cells { display: grid; grid-column: 3 / -1; grid-template-columns: subgrid; align-items: baseline; }
[data-columns="1"] { grid-template-columns: .85rem 1rem 1fr; }
[data-columns="2"] { grid-template-columns: .85rem 1rem minmax(0, 2fr) minmax(0, 3fr); }
[data-columns="3"] { grid-template-columns: .85rem 1rem minmax(0, 3fr) minmax(0, 6fr) minmax(0, 1fr); }
[data-columns="4"] { grid-template-columns: .85rem 1rem 4rem minmax(0, 5fr) minmax(0, 3fr) minmax(0, 6fr); }
#stack [data-columns="3"] { grid-template-columns: .85rem 1rem minmax(0, 2fr) minmax(0, 3fr) minmax(0, 2fr); }
#performance [data-columns="4"] { grid-template-columns: .85rem 1rem minmax(0, 4fr) minmax(0, 2fr) minmax(0, 2fr) minmax(0, 2fr); }
.rows > li { border-top: 1px solid var(--line); }
.group > summary { grid-template-columns: .85rem minmax(0, 2fr) minmax(0, 3fr); }
.chevron { color: var(--soft); }
.mark { color: var(--state); font-weight: 700; }
.row.fail > summary, .row.unverified > summary { background: color-mix(in srgb, var(--state) 8%, transparent); }
.label { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); }
.rows { position: relative; }
.rows:has(> li > details > summary:focus-visible)::after { content: "Arrow keys move between rows, Enter opens one." / ""; position: absolute; top: 100%; left: 0;
  color: var(--soft); font-size: .8125rem; padding: .25rem; }
.evidence { padding: .5rem .5rem 1rem 2.5rem; font-size: .9rem; }
.evidence ul { list-style: disc; padding-left: 1.1rem; }
.scroll { overflow-x: auto; margin-bottom: .5rem; }
table { border-collapse: collapse; }
th, td { text-align: left; padding: .25rem .75rem .25rem 0; vertical-align: top; border-bottom: 1px solid var(--line); }
th { font-weight: 600; } tbody th { font-weight: 400; }
.statuses { width: 100%; font-size: .9rem; }
.unmet { color: var(--fail); }
.curve { max-width: 32rem; } .curve figcaption { color: var(--soft); font-size: .875rem; } .curve svg { width: 100%; height: auto; }
.files { padding: .25rem 0 .75rem 1.6rem; font-size: .9rem; }
.files li { display: grid; grid-template-columns: 1rem minmax(0, 2fr) minmax(0, 3fr); gap: 0 .75rem; padding: .1rem 0; overflow-wrap: anywhere; }
.plain li { padding: .2rem 0; }
.plain .fail, .body .unverified { color: var(--state); }
.chips { display: flex; flex-wrap: wrap; gap: .25rem 1.25rem; font-size: .9rem; }
.added { color: var(--pass); } .removed { color: var(--fail); } .changed { color: var(--unverified); }
.status { display: inline-block; padding: 0 .3rem; border: 1px solid var(--line); border-radius: 4px; font: .8125rem/1.4 var(--mono); }
.status.unverified { border-color: currentColor; color: var(--state); }
.pipeline { display: flex; flex-wrap: wrap; gap: .5rem 1.4rem; margin: .5rem 0 1rem; align-items: stretch; }
.pipeline li { position: relative; padding: .25rem .5rem; border: 1px solid var(--line); border-radius: 6px; background: var(--raised);
  font-size: .8125rem; max-width: 100%; }
.pipeline b { display: block; font-weight: 600; overflow-wrap: anywhere; }
.pipeline .sends { display: block; margin-top: .1rem; }
.pipeline .status { background: var(--ground); font-size: .75rem; }
.pipeline li:not(:last-child)::after { content: "→" / ""; position: absolute; right: -1.2rem; top: .2rem; color: var(--soft); }
.pipeline .end { background: none; border-style: dashed; }
.pipeline .added { border-color: var(--pass); color: inherit; } .pipeline .removed { border-style: dashed; text-decoration: line-through; color: inherit; }
`

const NARROW = `
@media screen and (max-width: 60rem) { header { grid-template-columns: minmax(0, 1fr); } .layout { grid-template-columns: minmax(0, 1fr); }
  html { scroll-padding-top: 3.5rem; }
  nav { top: 0; z-index: 1; background: var(--ground); overflow-x: auto; padding: .35rem 0; border-bottom: 1px solid var(--line); }
  nav ul { display: flex; } nav a { white-space: nowrap; } nav .counts { display: none; } }
@media screen and (max-width: 44rem) { body { padding: 1rem; } h1 { font-size: 1.75rem; } .verdict b { font-size: 1.75rem; } .verdict { gap: .5rem 1.25rem; }
  body .columns { display: none; } .latency .figures { float: none; display: block; }
  body .rows summary[data-columns] { grid-template-columns: .85rem 1rem minmax(0, 1fr); gap: 0 .5rem; }
  body .cells { display: block; } .cells > span:not(:first-child)::before { content: " · " / ""; color: var(--soft); }
  #endpoints .cells > span:nth-child(2)::before { content: ""; } #endpoints .cells > span:nth-child(-n+2), .cells > span:first-child:not(:only-child) { font-weight: 600; }
  .verdict { display: grid; grid-template-columns: repeat(4, auto); justify-content: space-between; column-gap: .5rem; } .verdict span { font-size: .8125rem; white-space: nowrap; }
  .group > summary { grid-template-columns: .85rem minmax(0, 1fr); } .group > summary > span:last-child { grid-column: 2; }
  #performance .label, #environment .cells > span:last-child .label { position: static; clip-path: none; color: var(--soft); }
  .evidence { padding-left: .5rem; } .evidence th, .evidence td { min-width: 8rem; } .files { padding-left: .5rem; }
  .files li { grid-template-columns: 1rem minmax(0, 1fr); } .files li > span:last-child { grid-column: 2; } }
`

/** Sections are printed in whole, folded on the screen or not; evidence is printed where it is open. */
const PAPER = `
@media print { @page { size: A4; margin: 12mm; }
  :root { color-scheme: light; } body { max-width: none; padding: 0; font-size: 8.5pt; line-height: 1.3; }
  nav, .skip, #middleware .group, body .columns, .rows::after { display: none; } .layout { display: block; } main { max-width: none; }
  header { grid-template-columns: minmax(0, 1fr) minmax(0, 1fr); padding-bottom: .5rem; margin-bottom: .5rem; gap: 1rem; }
  h1, .verdict b { font-size: 1.5rem; } main h2 { font-size: 11pt; } main .beside { margin: .75rem 0 0; }
  .section:not(.part)::details-content { content-visibility: visible; block-size: auto; }
  .section > summary { padding: .15rem 0; break-after: avoid; } .section > summary::before, .chevron::before { display: none; }
  .body { padding: .15rem 0 .6rem; } .columns, .rows summary { padding: .5pt 0; gap: 0 .5rem; } .rows > li, .files li, tr { break-inside: avoid; }
  [data-columns="1"] { grid-template-columns: 0 1rem 1fr; } #security .rows, #environment .rows { columns: 2; }
  #environment .cells { display: block; } #environment .cells > span:first-child { font-weight: 600; } #environment .rows, .chips, .files { font-size: 7.5pt; }
  #environment .cells > span:last-child .label { position: static; clip-path: none; } h3 { font-size: 8pt; margin: .1rem 0 0; } .chips { gap: 0 .8rem; }
  .group > summary, .group > summary small { font-size: 8pt; }
  th, td { padding: .5pt .5rem .5pt 0; } .bar, .track, .track i, .key i { print-color-adjust: exact; }
  .pipeline { gap: .2rem 1.2rem; margin: .2rem 0; } .pipeline li { padding: 0 .3rem; font-size: 7.5pt; } .latency li { margin-top: .2rem; font-size: 7.5pt; } }
`

export const STYLE = [COLOURS, BASE, FIRST_SCREEN, SECTIONS, NARROW, PAPER].join('')
