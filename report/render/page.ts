/** Renders a report as one self-contained HTML page: no network, light and dark, on any width and on paper. */
import type { Report } from '../document/document.ts'
import { createAnchors } from './anchors.ts'
import { escapeHtml } from './escape.ts'
import { renderFirstScreen } from './first-screen.ts'
import { SCRIPT, SCRIPT_SOURCE } from './script.ts'
import { renderCounts, renderSection } from './sections.ts'
import { STYLE } from './style.ts'
import { type Part, renderSupplement } from './supplement.ts'

/** Returns the whole document. */
export function renderPage(report: Report): string {
  const title = `Backend Implementation Report – ${report.feature} (${report.date})`
  const anchors = createAnchors(report)
  const parts = renderSupplement(report)
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'; script-src ${SCRIPT_SOURCE}">
<title>${escapeHtml(title)}</title>
<style>${STYLE}</style>
</head>
<body>
<a class="skip" href="#sections">Skip to the sections</a>
${renderFirstScreen(report, anchors)}
<div class="layout">
${renderContents(report, parts)}
<main id="sections" tabindex="-1">
${report.sections.map(section => renderSection(section, report, anchors)).join('\n')}
<h2 class="beside">Beside the report</h2>
${parts.map(({ html }) => html).join('\n')}
</main>
</div>
<script>${SCRIPT}</script>
</body>
</html>
`
}

function renderContents({ sections }: Report, parts: readonly Part[]): string {
  const links = sections.map(
    section =>
      `<li><a href="#${section.id}"><span>${escapeHtml(section.title)}</span> ${renderCounts(section)}</a></li>`,
  )
  const others = parts.map(({ id, title }) => `<li><a href="#${id}"><span>${title}</span></a></li>`)
  return `<nav aria-label="Contents"><ul>${links.join('\n')}${others.join('\n')}</ul></nav>`
}
