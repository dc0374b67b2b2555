/** The names of a module in code, strings, SQL and prose, replaced by those of another. */
import { expect, it } from 'vitest'
import { identifiersOf, namesOf, translatePath, translateSource } from '../translate.ts'

const from = namesOf('notes')
const to = namesOf('offer-items')

it.each([
  [
    "import { notesRoutes } from './notes/routes.ts'",
    "import { offerItemsRoutes } from './offer-items/routes.ts'",
  ],
  ['const note = await insertNote(db)', 'const offerItem = await insertOfferItem(db)'],
  ['type NoteBody = Static<typeof NoteBody>', 'type OfferItemBody = Static<typeof OfferItemBody>'],
  ["pgTable(\n  'notes',", "pgTable(\n  'offer_items',"],
  ["index('notes_owner_id_idx')", "index('offer_items_owner_id_idx')"],
  ['{ notes_owner_id_fk: 1 }', '{ offer_items_owner_id_fk: 1 }'],
  ["name: 'notes',", "name: 'offer-items',"],
  ["scope.get('/notes/:id')", "scope.get('/offer-items/:id')"],
  ["name: 'POST /notes',", "name: 'POST /offer-items',"],
  ["summary: 'Create a note'", "summary: 'Create an offer item'"],
  ["'select 1 from notes where owner_id = $1'", "'select 1 from offer_items where owner_id = $1'"],
  ['`update notes set x = $1`', '`update offer_items set x = $1`'],
  [`\`/a/\${notes.length}/notes\``, `\`/a/\${offerItems.length}/offer-items\``],
  [
    '/** Notes: a note, and the notes of /api/v1/notes. */',
    '/** Offer items: an offer item, and the offer items of /api/v1/offer-items. */',
  ],
  [
    `claim: "Users cannot read another user's notes", note`,
    `claim: "Users cannot read another user's offer items", offerItem`,
  ],
  ['const NOTES_MAX = 1', 'const OFFER_ITEMS_MAX = 1'],
  ['const footnote = denotes + keynoteSpeaker', 'const footnote = denotes + keynoteSpeaker'],
])('%s', (source, expected) => {
  expect(translateSource(source, from, to)).toBe(expected)
})

it.each(['notes-archive', 'my-notes', 'note-items'])('%s, which contains the old name, stays whole', name => {
  const own = namesOf(name)
  const { kebab, camel } = own.plural
  expect(translatePath('src/modules/notes/module.ts', from, own)).toBe(`src/modules/${kebab}/module.ts`)
  expect(translateSource("import { notes } from './notes/tables.ts'", from, own)).toBe(
    `import { ${camel} } from './${kebab}/tables.ts'`,
  )
})

it('names files as their module', () => {
  expect(translatePath('test/modules/notes/notes.test.ts', from, to)).toBe(
    'test/modules/offer-items/offer-items.test.ts',
  )
  expect(translatePath('bench/scenarios/notes/create-note.ts', from, to)).toBe(
    'bench/scenarios/offer-items/create-offer-item.ts',
  )
})

it('knows the identifiers of code, not the words of comments and strings', () => {
  const source = `// words here\nconst row = find('text', \`a \${value} b\`, ...rest).member /* more */`
  expect([...identifiersOf(source)].sort()).toEqual(['const', 'find', 'rest', 'row', 'value'])
})
