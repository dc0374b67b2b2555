/** The only script of the page: the rows of a list are one tab stop, and arrow keys move between them. */
import { createHash } from 'node:crypto'

/**
 * Without it, as where a server's policy allows no script, every row is a tab stop of its own and all else works.
 * It reads no text of the page.
 */
export const SCRIPT = `
for (const list of document.querySelectorAll('[data-rows]')) {
  const rows = [...list.querySelectorAll(':scope > li > details > summary')]
  const enter = row => { for (const other of rows) other.tabIndex = other === row ? 0 : -1 }
  if (rows.length > 0) enter(rows[0])
  list.addEventListener('focusin', event => { if (rows.includes(event.target)) enter(event.target) })
  list.addEventListener('keydown', event => {
    const at = rows.indexOf(event.target)
    const to = { ArrowDown: at + 1, ArrowUp: at - 1, Home: 0, End: rows.length - 1 }[event.key]
    if (at === -1 || to === undefined || !rows[to]) return
    event.preventDefault()
    rows[to].focus()
  })
}
const open = () => {
  const target = location.hash && document.getElementById(location.hash.slice(1))
  for (let node = target; node; node = node.parentElement) if (node.tagName === 'DETAILS') node.open = true
  if (target) target.scrollIntoView()
}
addEventListener('hashchange', open)
open()
`

/** The source expression of a content security policy that allows this script alone. */
export const SCRIPT_SOURCE = `'sha256-${createHash('sha256').update(SCRIPT).digest('base64')}'`
