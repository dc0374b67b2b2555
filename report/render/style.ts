/** The style of the page: system fonts, colours with enough contrast in light and dark, and a grid for the rows. */

export const STYLE = `
:root { color-scheme: light dark; --text: light-dark(#1b1f24, #e8eaed); --soft: light-dark(#57606a, #a9b1bb);
  --line: light-dark(#d0d7de, #3a414a); --ground: light-dark(#ffffff, #14171b); --raised: light-dark(#f3f5f7, #1e2329);
  --pass: light-dark(#116329, #6fdd8b); --fail: light-dark(#b31d28, #ff9a94); --unverified: light-dark(#7a4d00, #f0c36a);
  --link: light-dark(#0a50a1, #8ec1ff); }
* { box-sizing: border-box; }
body { margin: 0 auto; max-width: 84rem; padding: 1.5rem; background: var(--ground); color: var(--text);
  font: 1rem/1.5 system-ui, sans-serif; }
h1 { font-size: 1.6rem; line-height: 1.25; margin: 0 0 .5rem; }
h2 { font-size: 1.2rem; margin: 2.25rem 0 .5rem; }
header p { color: var(--soft); margin: 0 0 1rem; max-width: 60rem; }
a { color: var(--link); }
a:focus-visible, summary:focus-visible, .scroll:focus-visible { outline: 3px solid var(--link); outline-offset: 1px; }
pre { font: .8rem/1.45 ui-monospace, monospace; padding: .75rem; background: var(--raised); }
code { font: .875em/1.4 ui-monospace, monospace; overflow-wrap: anywhere; }
table { border-collapse: collapse; }
th, td { text-align: left; padding: .25rem .75rem .25rem 0; vertical-align: top; border-bottom: 1px solid var(--line); }
.overview caption { text-align: left; font-weight: 600; padding-bottom: .25rem; }
.overview th { font-weight: 400; }
.overview thead th { color: var(--soft); }
.overview td { font-variant-numeric: tabular-nums; font-weight: 700; min-width: 5rem; }
.overview .none { color: var(--soft); font-weight: 400; }
.pass > summary .mark, td.pass { color: var(--pass); }
.fail > summary, .fail > summary .mark, td.fail { color: var(--fail); }
.unverified > summary .mark, td.unverified { color: var(--unverified); }
.mark { font-weight: 700; }
section ul { list-style: none; margin: 0; padding: 0; }
.columns, summary { display: grid; gap: .25rem 1rem; padding: .35rem .5rem; align-items: baseline; overflow-wrap: anywhere; }
[data-columns="1"] { grid-template-columns: 1.25rem 1fr; }
[data-columns="2"] { grid-template-columns: 1.25rem minmax(0, 2fr) minmax(0, 4fr); }
[data-columns="3"] { grid-template-columns: 1.25rem minmax(0, 3fr) minmax(0, 6fr) minmax(0, 2fr); }
[data-columns="4"] { grid-template-columns: 1.25rem minmax(0, 2fr) minmax(0, 4fr) minmax(0, 3fr) minmax(0, 4fr); }
#stack [data-columns="3"] { grid-template-columns: 1.25rem minmax(0, 2fr) minmax(0, 3fr) minmax(0, 2fr); }
#performance [data-columns="4"] { grid-template-columns: 1.25rem minmax(0, 4fr) minmax(0, 2fr) minmax(0, 2fr) minmax(0, 2fr); }
.columns { margin: 0; color: var(--soft); border-bottom: 2px solid var(--line); }
summary { cursor: pointer; border-bottom: 1px solid var(--line); list-style: none; }
summary::-webkit-details-marker { display: none; }
summary:hover, details[open] > summary { background: var(--raised); }
.evidence { padding: .75rem .5rem 1rem 2.75rem; background: var(--raised); border-bottom: 1px solid var(--line); font-size: .925rem; }
.evidence ul { list-style: disc; padding-left: 1.1rem; }
.scroll { overflow-x: auto; margin-bottom: .5rem; }
.unmet { color: var(--fail); }
.hidden { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); white-space: nowrap; }
.plots { display: flex; flex-wrap: wrap; gap: 1.5rem; margin: .5rem 0 1rem; }
.plots figure { margin: 0; flex: 1 1 22rem; max-width: 32rem; }
.plots figcaption { color: var(--soft); font-size: .925rem; }
.plots svg { width: 100%; height: auto; }
@media (max-width: 44rem) { body { padding: 1rem; } .overview { width: 100%; } .overview td { min-width: 0; }
  .overview th, .overview td { padding-right: .5rem; } .plots figure { flex-basis: 100%; } .columns { display: none; }
  #performance summary[data-columns], #stack summary[data-columns], summary[data-columns] { grid-template-columns: 1.25rem 1fr; }
  summary > span:not(.mark) { grid-column: 2; } summary > span:not(.mark) > .hidden { position: static; clip-path: none;
  color: var(--soft); } .evidence { padding-left: .5rem; } .evidence th, .evidence td { min-width: 8rem; } }
@media print { details::details-content { content-visibility: visible; block-size: auto; } }
`
