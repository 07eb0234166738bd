/** A query that was read lately is not read again, whatever it says; nothing is remembered for ever. */
import { describe, expect, test } from 'vitest';
import { createQueryParser, rememberReading } from '../../../../src/http/wire/known-queries.ts';

describe('the parser', () => {
  test('reads names and values as forms write them', () => {
    const parse = createQueryParser();
    expect({ ...parse('prefixKey=INV&count=3&variables=a:B%26C,d:e+f&count=4&empty=') }).toEqual({
      prefixKey: 'INV',
      count: ['3', '4'],
      variables: 'a:B&C,d:e f',
      empty: '',
    });
    expect({ ...parse('') }).toEqual({});
  });

  test('gives the same object for the same text, and nobody can change it', () => {
    const parse = createQueryParser();
    const query = parse('prefixKey=INV');
    expect(parse('prefixKey=INV')).toBe(query);
    expect(parse('prefixKey=INVX')).not.toBe(query);
    expect(() => {
      query['prefixKey'] = 'ORD';
    }).toThrow(TypeError);
  });

  test('remembers so many, the latest ones, and no long ones', () => {
    const parse = createQueryParser(2);
    const first = parse('a=1');
    parse('a=2');
    expect(parse('a=1')).toBe(first);
    parse('a=3');
    expect(parse('a=1')).not.toBe(first);
    const long = `a=${'x'.repeat(255)}`;
    expect(parse(long)).not.toBe(parse(long));
  });
});

describe('a reading', () => {
  test('is remembered with its query, a refusal is not', () => {
    let readings = 0;
    const read = rememberReading((query: { readonly count?: string }) => {
      readings += 1;
      return query.count === undefined ? { error: new Error('none') } : { value: Number(query.count) };
    });
    const query = { count: '3' };
    expect([read(query), read(query)]).toEqual([{ value: 3 }, { value: 3 }]);
    expect(readings).toBe(1);
    expect(read({ count: '3' })).toEqual({ value: 3 });
    expect(readings).toBe(2);
    const wrong = {};
    expect([read(wrong), read(wrong)]).toMatchObject([{ error: { message: 'none' } }, { error: { message: 'none' } }]);
    expect(readings).toBe(4);
  });
});
