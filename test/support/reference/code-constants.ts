/** The constants that the sources are bounded by, read from where they are written: most are nobody else's business, and so not exported. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseSync } from 'oxc-parser';

const ROOT = join(import.meta.dirname, '../../../src');

interface Node {
  readonly type: string;
  readonly [key: string]: unknown;
}

const isNode = (value: unknown): value is Node =>
  typeof value === 'object' && value !== null && typeof (value as { type?: unknown }).type === 'string';

/** The value of `60 * 1_000`; undefined for what is no number. */
const numberOf = (node: unknown): number | undefined => {
  if (!isNode(node)) return undefined;
  if (node.type === 'Literal') {
    const value = node['value'];
    return typeof value === 'number' || typeof value === 'bigint' ? Number(value) : undefined;
  }
  if (node.type !== 'BinaryExpression' || node['operator'] !== '*') return undefined;
  const [left, right] = [numberOf(node['left']), numberOf(node['right'])];
  return left === undefined || right === undefined ? undefined : left * right;
};

/** Numbers by name: those of constants, of members of constant objects (`LIMITS.waitingMax`), and defaults of parameters. */
const collect = (value: unknown, found: Map<string, number>): void => {
  if (Array.isArray(value)) for (const item of value) collect(item, found);
  if (!isNode(value)) return;
  const note = (name: unknown, expression: unknown): void => {
    const number = numberOf(expression);
    if (typeof name === 'string' && number !== undefined) found.set(name, number);
  };
  if (value.type === 'VariableDeclarator' && isNode(value['id'])) {
    const { id, init } = value as unknown as { id: Node; init: unknown };
    note(id['name'], init);
    if (isNode(init) && init.type === 'ObjectExpression') {
      for (const property of init['properties'] as readonly Node[]) {
        if (isNode(property['key'])) note(`${id['name']}.${property['key']['name']}`, property['value']);
      }
    }
  }
  if (value.type === 'AssignmentPattern' && isNode(value['left'])) note(value['left']['name'], value['right']);
  for (const child of Object.values(value)) collect(child, found);
};

const numbersOf = (path: string): ReadonlyMap<string, number> => {
  const text = readFileSync(join(ROOT, path), 'utf8');
  const found = new Map<string, number>();
  if (path.endsWith('.ts')) collect(parseSync(path, text).program, found);
  else
    for (const [, name = '', digits] of text.matchAll(/^local ([A-Z_]+) = (\d+)\b/gm)) found.set(name, Number(digits));
  return found;
};

const read = new Map<string, ReadonlyMap<string, number>>();

/** @param path below `src/`. @throws when there is no such number any more: then what repeats it must be looked at. */
export const readConstant = (path: string, name: string): number => {
  const numbers = read.get(path) ?? numbersOf(path);
  read.set(path, numbers);
  const value = numbers.get(name);
  if (value === undefined) throw new Error(`src/${path} has no number ${name}.`);
  return value;
};

/** The first group of a pattern in a source, where the number stands in a pattern or a statement. @throws as above. */
export const readFigure = (path: string, pattern: RegExp): string => {
  const [, figure] = pattern.exec(readFileSync(join(ROOT, path), 'utf8')) ?? [];
  if (figure === undefined) throw new Error(`src/${path} has nothing like ${pattern}.`);
  return figure;
};
