/** Documents lose what they say of files, scripts and tables that are gone, and nothing else. */
import { expect, it } from 'vitest'
import { pruneDocument } from '../documents.ts'

const gone = { path: 'docs/x.md', gone: ['bench', 'test/a.test.ts'], scripts: ['bench'], tables: ['notes'] }

it.each([
  [
    'rows about a script, a folder or a table',
    '| a | b |\n|---|---|\n| `npm run bench` | x |\n| `notes` | x |\n| `npm start` | x |\n',
    '| a | b |\n|---|---|\n| `npm start` | x |\n',
  ],
  [
    'lines of a layout',
    '```\nbench/        the runner\nbench-tools/  others\nsrc/          the service\n```\n',
    '```\nbench-tools/  others\nsrc/          the service\n```\n',
  ],
  [
    'list items with their other lines',
    '- [a](../bench/README.md): goes\n  with this\n- [b](y.md): stays\n  with this\n',
    '- [b](y.md): stays\n  with this\n',
  ],
  [
    'links beside others',
    '- Tests: [a](../test/a.test.ts), [b](../test/b.test.ts)\n',
    '- Tests: [b](../test/b.test.ts)\n',
  ],
  [
    'sentences',
    'One stays. [Two](../bench/x.md) goes,\nas it says so. `npm run bench` goes too. Three stays.\n',
    'One stays. Three stays.\n',
  ],
  [
    'sections about it',
    '# A\n\n## B\n\n### C\n\n`bench/` is gone.\n\nMore.\n\n### D\n\nStays.\n\n## E\n\n### F\n\n```sh\nnpm run bench\n```\n',
    '# A\n\n## B\n\n### D\n\nStays.\n',
  ],
  [
    'sections without a test',
    '## A\n\n### P1: x\n\nText.\n\n- Tests: [a](../test/a.test.ts)\n\n### P2: y\n\nText.\n',
    '## A\n\n### P2: y\n\nText.\n',
  ],
  [
    'nothing of others',
    'The bench of a park. `npm run benches`. [x](bench.md)\n',
    'The bench of a park. `npm run benches`. [x](bench.md)\n',
  ],
])('%s', (_, before, after) => {
  expect(pruneDocument(before, gone)).toBe(after)
})
