/** The pages of docs/ that are made from the code they describe, whole or in part; run by itself it writes them. */
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { decisionIndex } from './decisions.ts';
import { limitsReference } from './limits.ts';
import { enginePage } from './phases.ts';
import { settingsReference } from './settings.ts';

const ROOT = join(import.meta.dirname, '../../..');

export interface ReferencePage {
  /** From the folder of the project. */
  readonly path: string;
  readonly render: () => string;
}

export const REFERENCE_PAGES: readonly ReferencePage[] = [
  { path: 'docs/decisions/README.md', render: decisionIndex },
  { path: 'docs/configuration.md', render: settingsReference },
  { path: 'docs/limits.md', render: limitsReference },
  { path: 'docs/engine.md', render: enginePage },
];

/** What is committed. */
export const readPage = (path: string): string => readFileSync(join(ROOT, path), 'utf8');

if (import.meta.main) {
  for (const { path, render } of REFERENCE_PAGES) {
    const text = render();
    const isNew = !existsSync(join(ROOT, path)) || readPage(path) !== text;
    if (isNew) writeFileSync(join(ROOT, path), text);
    console.log(`${path}: ${isNew ? 'written' : 'unchanged'}`);
  }
}
