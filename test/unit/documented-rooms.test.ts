/** docs/ARCHITECTURE.md has a row for every room of src, and none for a room that is not there. */
import { globSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { expect, test } from 'vitest';

const ROOT = join(import.meta.dirname, '../..');
const DOCUMENT = readFileSync(join(ROOT, 'docs/ARCHITECTURE.md'), 'utf8');

/** Folders of files that the row of the folder above speaks of. */
const PARTS = /^src\/stores\/(?:redis\/lua|postgres)\/./;

test('the table of rooms is that of the folders', () => {
  const folders = new Set(globSync('src/**/*.{ts,lua,sql}', { cwd: ROOT }).map(dirname));
  const rooms = [...folders].filter((folder) => !PARTS.test(folder));
  const rows = [...DOCUMENT.matchAll(/^\| `(src[^`]*)` \|/gm)].map(([, room]) => room);
  expect(rooms.length).toBeGreaterThan(40);
  expect(rows.toSorted()).toEqual(rooms.toSorted());
});

test('a room is spoken of in a phrase', () => {
  const subjects = [...DOCUMENT.matchAll(/^\| `src[^`]*` \| (.*) \|$/gm)].map(([, subject = '']) => subject);
  expect(subjects.filter((subject) => subject.length < 10 || subject.length > 110)).toEqual([]);
});
