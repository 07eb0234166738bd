/**
 * How long a file and a function of src may be, so that a reader sees it whole.
 *
 * A file has 300 lines at most. A function has 70, from its first line to its last, with all that stands inside it. Only what is
 * the frame of other functions may be longer, 150 lines: a factory that returns an object (`create…`, `open…`, `compile…`,
 * `prepare…`), and a plugin that lists routes (`…Routes`); each function inside it has 70 again. An allocator has no such frame,
 * because what decides in it stands in functions of its own. The tables of SQL are no code.
 */
import { parseSync } from 'oxc-parser';
import type { SourceFile } from './import-rule.ts';

const FILE_LINES_MAX = 300;
const FUNCTION_LINES_MAX = 70;
const FRAME_LINES_MAX = 150;

interface Node {
  readonly type: string;
  readonly start: number;
  readonly end: number;
  readonly [key: string]: unknown;
}

const isNode = (value: unknown): value is Node =>
  typeof value === 'object' && value !== null && typeof (value as { type?: unknown }).type === 'string';

const FUNCTIONS = new Set(['ArrowFunctionExpression', 'FunctionExpression', 'FunctionDeclaration']);

const countLines = (text: string): number => text.trimEnd().split('\n').length;

/** The name a node gives to the function it holds; undefined: it gives none. */
const nameGivenBy = ({ type, id, key }: Node): string | undefined => {
  const named = type === 'VariableDeclarator' || type === 'FunctionDeclaration' ? id : type === 'Property' ? key : null;
  return isNode(named) && typeof named['name'] === 'string' ? named['name'] : undefined;
};

/** What stands inside `as`, `satisfies` and brackets. */
const bare = (value: unknown): unknown =>
  isNode(value) && /^(?:TS(?:As|Satisfies)|Parenthesized)Expression$/.test(value.type)
    ? bare(value['expression'])
    : value;

const isObject = (value: unknown): boolean => {
  const found = bare(value);
  return isNode(found) && found.type === 'ObjectExpression';
};

/** Whether a function ends by giving back an object of its own making. */
const returnsObject = ({ body }: Node): boolean => {
  if (!isNode(body)) return false;
  const last = Array.isArray(body['body']) ? (body['body'].at(-1) as unknown) : undefined;
  return isObject(body) || (isNode(last) && isObject(last['argument']));
};

const maxOf = (path: string, node: Node, name: string): number => {
  if (/^src\/allocators\//.test(path)) return FUNCTION_LINES_MAX;
  const isFactory = /^(?:create|open|compile|prepare)[A-Z]/.test(name) && returnsObject(node);
  return isFactory || /Routes$/.test(name) ? FRAME_LINES_MAX : FUNCTION_LINES_MAX;
};

const longFunctionsOf = ({ path, text }: SourceFile): string[] => {
  const found: string[] = [];
  const visit = (value: unknown, name: string): void => {
    if (Array.isArray(value)) for (const item of value) visit(item, name);
    if (!isNode(value)) return;
    const given = nameGivenBy(value) ?? name;
    if (FUNCTIONS.has(value.type)) {
      const [lines, max] = [countLines(text.slice(value.start, value.end)), maxOf(path, value, given)];
      if (lines > max) found.push(`${path}: ${given} has ${lines} lines, more than ${max}`);
      // What it holds has a name of its own, or is one of its callbacks.
      for (const child of Object.values(value)) visit(child, `a callback (${given})`);
      return;
    }
    for (const child of Object.values(value)) visit(child, given);
  };
  visit(parseSync(path, text).program, 'the module');
  return found;
};

/** Every file and function that is too long, as `path: what is wrong`. */
export const findLong = (files: readonly SourceFile[]): string[] =>
  files
    .filter(({ path }) => /\.(?:ts|lua)$/.test(path))
    .flatMap((file) => {
      const lines = countLines(file.text);
      const long = lines > FILE_LINES_MAX ? [`${file.path}: has ${lines} lines, more than ${FILE_LINES_MAX}`] : [];
      return [...long, ...(file.path.endsWith('.ts') ? longFunctionsOf(file) : [])];
    });
