/**
 * Says what came of the mutants: a table by room, or by file where files were asked for, and the survivors that
 * docs/mutants*.md do not explain; the last line for .ci/long.
 */
import { globSync, readFileSync } from 'node:fs';
import { relative } from 'node:path';

/** A report has the files of what was asked for alone, and is named after that: see stryker.config.mjs. */
const files = {};
const askedFor = new Map();
for (const path of globSync('reports/mutants/**/*.json', { exclude: ['**/sandboxes'] })) {
  const report = JSON.parse(readFileSync(path, 'utf8'));
  Object.assign(files, report.files);
  for (const file of Object.keys(report.files)) {
    askedFor.set(file, `src/${relative('reports/mutants', path).replace(/\.json$/, '')}`);
  }
}
const pages = globSync('docs/mutants*.md').map((path) => readFileSync(path, 'utf8'));

/** `file: before → after`, as the rows of the pages name them: a row has a file, changes in it, and a reason. */
const explained = new Set();
for (const row of pages.flatMap((page) => page.split('\n'))) {
  const [, file, changes = ''] = /^\| `([^`]*)` \| (.*) \|[^|]*\|$/.exec(row.replaceAll('\\|', '\0')) ?? [];
  for (const [, before, after] of changes.matchAll(/`([^`]*)` → `([^`]*)`/g)) {
    explained.add(`${file}: ${before} → ${after}`.replaceAll('\0', '|'));
  }
}

/** On one line, without the marks of code, and no longer than says which it is. */
const LENGTH_MAX = 80;
const shortOf = (text) => {
  const line = text.replaceAll(/\s+/g, ' ').replaceAll('`', "'");
  return line.length > LENGTH_MAX ? `${line.slice(0, LENGTH_MAX)}…` : line;
};
const textAt = (source, { start, end }) => {
  const lines = source.split('\n').slice(start.line - 1, end.line);
  lines[lines.length - 1] = lines.at(-1).slice(0, end.column - 1);
  lines[0] = lines[0].slice(start.column - 1);
  return lines.join('\n');
};

const OUTCOMES = {
  Killed: 'killed',
  Timeout: 'killed',
  Survived: 'survived',
  NoCoverage: 'survived',
  Ignored: 'words',
};
const rows = new Map();
const total = { killed: 0, explained: 0, unexplained: 0, words: 0, broken: 0 };
const unexplained = [];
const used = new Set();
for (const [path, { source, mutants }] of Object.entries(files)) {
  const row = askedFor.get(path);
  const counts = rows.get(row) ?? { killed: 0, explained: 0, unexplained: 0, words: 0, broken: 0 };
  rows.set(row, counts);
  for (const { status, location, replacement } of mutants) {
    let outcome = OUTCOMES[status] ?? 'broken';
    if (outcome === 'survived') {
      const mutant = `${path.replace(/^src\//, '')}: ${shortOf(textAt(source, location))} → ${shortOf(replacement)}`;
      outcome = explained.has(mutant) ? 'explained' : 'unexplained';
      if (outcome === 'explained') used.add(mutant);
      else unexplained.push(`${location.start.line}:${location.start.column} ${mutant}`);
    }
    counts[outcome] += 1;
    total[outcome] += 1;
  }
}

const scoreOf = ({ killed, explained: known, unexplained: unknown }) =>
  `${((100 * killed) / (killed + known + unknown)).toFixed(1)} %`;
console.error(
  '| changed | killed | explained | unexplained | only words | score |\n| --- | --- | --- | --- | --- | --- |',
);
for (const [row, counts] of [...rows].toSorted()) {
  const { killed, explained: known, unexplained: unknown, words } = counts;
  console.error(`| \`${row}\` | ${killed} | ${known} | ${unknown} | ${words} | ${scoreOf(counts)} |`);
}
for (const mutant of unexplained) console.error(`unexplained: ${mutant}`);
for (const mutant of explained) {
  // Of a run on some of the files, the rows of the others say nothing.
  if (`src/${mutant.split(':')[0]}` in files && !used.has(mutant)) console.error(`explained, but killed: ${mutant}`);
}
console.log(
  `${total.killed} mutants killed, ${total.explained} explained, ${total.unexplained} unexplained, ${total.words} only words, ${total.broken} broken: ${scoreOf(total)}`,
);
process.exitCode = total.unexplained + total.broken > 0 ? 1 : 0;
