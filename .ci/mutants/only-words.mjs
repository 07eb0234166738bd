/** Leaves alone what is only words: texts of errors and descriptions, and lists of names, in which the compiler finds a wrong one. */
const SENTENCE = /[A-Za-z,:;] +[A-Za-z{]/;

const textOf = (node) => {
  if (node.type === 'StringLiteral') return node.value;
  const isPlain =
    node.type === 'TemplateLiteral' &&
    node.expressions.every((one) => /^(Identifier|MemberExpression)$/.test(one.type));
  return isPlain ? node.quasis.map((quasi) => quasi.value.raw).join('x') : '';
};

/** `['a', 'b'] as const`: its elements are a type. */
const isNames = ({ type, expression, typeAnnotation }) =>
  type === 'TSAsExpression' &&
  typeAnnotation.typeName?.name === 'const' &&
  expression.type === 'ArrayExpression' &&
  expression.elements.every((one) => one?.type === 'StringLiteral');

const onlyWords = {
  shouldIgnore: ({ node }) => (SENTENCE.test(textOf(node)) || isNames(node) ? 'only words' : undefined),
};

export const strykerPlugins = [{ kind: 'Ignore', name: 'only-words', value: onlyWords }];
