/** The decisions in docs/decisions/, and the index of them that stands beside them. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

const FOLDER = join(import.meta.dirname, '../../../docs/decisions');

export interface Decision {
  readonly number: number;
  readonly file: string;
  readonly text: string;
  /** Undefined when the first line is not `# NNN. Title` with the number of the file. */
  readonly title: string | undefined;
}

export const readDecisions = (): readonly Decision[] =>
  readdirSync(FOLDER)
    .filter((file) => file !== 'README.md')
    .toSorted()
    .map((file) => {
      const text = readFileSync(join(FOLDER, file), 'utf8');
      const [digits = ''] = file.split('-');
      const [, title] = new RegExp(`^# ${digits}\\. (.+)\n`).exec(text) ?? [];
      return { number: Number(digits), file, text, title };
    });

export const decisionIndex = (): string => {
  const rows = readDecisions().map(({ number, file, title = '' }) => `| ${number} | [${title}](${file}) |`);
  return `# Decisions

Each decision has a number that it keeps, the context in which it was taken, and what was decided. A decision that no
longer holds stays here and names the one that replaced it. A new one takes the next free number; \`npm run docs\`
writes this index.

| number | decision |
| --- | --- |
${rows.join('\n')}
`;
};
