/** The ways two formats can stand over each other so that character by character both could print the same; the shortest first. */
import type { Language, Piece } from './format-language.ts';

/** A part at its place in the common text. */
export interface Placed {
  readonly piece: Piece;
  readonly begin: number;
  readonly length: number;
}

export interface Alignment {
  readonly length: number;
  readonly sides: readonly [readonly Placed[], readonly Placed[]];
}

/** Where one side is: `offset` characters of its piece are printed. */
interface Place {
  readonly piece: number;
  readonly offset: number;
}

const START: Place = { piece: 0, offset: 0 };

/** From where the next character can be printed: the same part goes on, or the next one begins. */
const nextOf = ({ pieces }: Language, { piece, offset }: Place): readonly Place[] => {
  const here = pieces[piece] as Piece;
  const places: Place[] = offset < here.lengthMax ? [{ piece, offset }] : [];
  // No part is empty, so there is never more than one to pass over.
  if (offset >= here.lengthMin && piece + 1 < pieces.length) places.push({ piece: piece + 1, offset: 0 });
  return places;
};

const isOver = ({ pieces }: Language, { piece, offset }: Place): boolean =>
  piece === pieces.length - 1 && offset >= (pieces[piece] as Piece).lengthMin;

const haveCommon = (one: string, other: string): boolean => {
  for (const char of one) if (other.includes(char)) return true;
  return false;
};

const countOf = ({ pieces }: Language, name: string): number =>
  pieces.filter(({ part }) => 'given' in part && part.given === name).length;

/** Whether a part is given by callers and nothing else in the number depends on it. */
const looseOf = (language: Language): readonly boolean[] =>
  language.pieces.map(({ part }) => 'given' in part && !language.hasChecks && countOf(language, part.given) === 1);

const place = (language: Language, steps: readonly number[]): readonly Placed[] =>
  language.pieces.map((piece, index) => ({
    piece,
    begin: steps.indexOf(index),
    length: steps.lastIndexOf(index) - steps.indexOf(index) + 1,
  }));

/**
 * Calls `visit` with one alignment after the other, the shortest text first, until it returns true. Where two parts
 * that callers give lie over each other, only their shortest overlap is tried: a longer one adds nothing. @returns
 * whether `visit` returned true.
 */
export const eachAlignment = (one: Language, other: Language, visit: (alignment: Alignment) => boolean): boolean => {
  const [looseOne, looseOther] = [looseOf(one), looseOf(other)];
  const dead = new Set<string>();
  const steps: [number[], number[]] = [[], []];

  const canStand = (a: Place, b: Place): boolean => {
    const [pieceA, pieceB] = [one.pieces[a.piece] as Piece, other.pieces[b.piece] as Piece];
    if (a.offset > 0 && b.offset > 0 && looseOne[a.piece] && looseOther[b.piece]) return false;
    return haveCommon(pieceA.charsAt(a.offset), pieceB.charsAt(b.offset));
  };

  /** @returns `stop` when `visit` returned true, otherwise whether any alignment was found from here. */
  const walk = (a: Place, b: Place, left: number): 'stop' | boolean => {
    if (left === 0) {
      if (!isOver(one, a) || !isOver(other, b)) return false;
      const sides = [place(one, steps[0]), place(other, steps[1])] as const;
      return visit({ length: steps[0].length, sides }) ? 'stop' : true;
    }
    const key = `${a.piece} ${a.offset} ${b.piece} ${b.offset} ${left}`;
    if (dead.has(key)) return false;
    let found = false;
    for (const fromA of nextOf(one, a)) {
      for (const fromB of nextOf(other, b)) {
        if (!canStand(fromA, fromB)) continue;
        steps[0].push(fromA.piece);
        steps[1].push(fromB.piece);
        const result = walk(
          { piece: fromA.piece, offset: fromA.offset + 1 },
          { piece: fromB.piece, offset: fromB.offset + 1 },
          left - 1,
        );
        steps[0].pop();
        steps[1].pop();
        if (result === 'stop') return 'stop';
        found ||= result;
      }
    }
    if (!found) dead.add(key);
    return found;
  };

  const longest = Math.min(one.lengthMax, other.lengthMax);
  for (let length = Math.max(one.lengthMin, other.lengthMin); length <= longest; length += 1) {
    if (walk(START, START, length) === 'stop') return true;
  }
  return false;
};
