/** How requests give the variables of a format: an object in a body, `name:value` pairs in a query. */
import { z } from 'zod';
import { GIVEN_VALUE } from '../../core/template/printer.ts';
import { GIVEN_NAME } from '../../core/template/template.ts';

/** More than any format has room for. */
const VARIABLES_MAX = 32;
const NAME_RULE = 'A name has 1 to 32 characters: letters A to Z, digits, _ and -';
const VALUE_RULE = '1 to 32 letters A to Z and digits';
const QUERY_RULE = 'Pairs name:value, separated by commas, as in branch:NORTH,desk:7';
const QUERY_LENGTH_MAX = 2_200;

export const variablesObject = z
  .record(z.string().regex(GIVEN_NAME, NAME_RULE), z.string(VALUE_RULE).regex(GIVEN_VALUE, VALUE_RULE))
  .refine((given) => Object.keys(given).length <= VARIABLES_MAX, `At most ${VARIABLES_MAX} variables`)
  .optional()
  .describe(
    'What stands for {var:name} in the format, by name: all that it needs, and no others; such as {"branch": "NORTH"}.',
  );

export const variablesQuery = z
  .string()
  .max(QUERY_LENGTH_MAX, QUERY_RULE)
  .transform((text, ctx) => {
    const given: Record<string, string> = {};
    for (const pair of text.split(',')) {
      const [name = '', value, ...more] = pair.split(':');
      const isPair = GIVEN_NAME.test(name) && value !== undefined && GIVEN_VALUE.test(value) && more.length === 0;
      if (!isPair || Object.hasOwn(given, name)) ctx.addIssue({ code: 'custom', message: QUERY_RULE });
      else given[name] = value;
    }
    return given;
  })
  .optional()
  .describe(`What stands for {var:name} in the format. ${QUERY_RULE}.`);
