/** Variables of the environment that look like a setting of ours spelt wrongly: they would be ignored without a word. */
import { distance } from 'fastest-levenshtein';

export interface MisspeltSetting {
  readonly name: string;
  /** The setting it looks like. */
  readonly suggestion: string;
}

/** Variables of others that are as near to one of ours as a slip would be. */
const OF_OTHERS = new Set(['HOME', 'POST', 'HOSTS', 'PORTS', 'REDIS_HOST', 'REDIS_PORT', 'PGPORT', 'SSH_AUTH']);

/** Where too short a name is near to everything. */
const LENGTH_MIN = 5;
/** Two letters in each other's place count as two. */
const DISTANCE_MAX = 2;
const LENGTH_OF_TWO_SLIPS = 8;

const plain = (name: string): string => name.toUpperCase().replaceAll(/[^A-Z0-9]/g, '');

const slipsBetween = (name: string, known: string): number => distance(plain(name), plain(known));

/** Letters in each other's place: `REDIS_ULR`. One slip, though the distance is two. */
const isSwapped = (name: string, known: string): boolean =>
  [...plain(name)].toSorted().join('') === [...plain(known)].toSorted().join('');

/** Near misses only: the rest of an environment is nobody's business here. */
export const misspeltSettingsOf = (
  environment: Readonly<Record<string, string | undefined>>,
  settingNames: readonly string[],
): readonly MisspeltSetting[] => {
  const known = new Set(settingNames);
  return Object.keys(environment).flatMap((name) => {
    if (known.has(name) || OF_OTHERS.has(name) || plain(name).length < LENGTH_MIN) return [];
    const [nearest] = settingNames
      .map((setting) => ({ setting, slips: slipsBetween(name, setting) }))
      .toSorted((a, b) => a.slips - b.slips);
    if (nearest === undefined || nearest.slips > DISTANCE_MAX) return [];
    const shortest = Math.min(plain(name).length, plain(nearest.setting).length);
    const isNear = nearest.slips <= 1 || isSwapped(name, nearest.setting) || shortest >= LENGTH_OF_TWO_SLIPS;
    return isNear ? [{ name, suggestion: nearest.setting }] : [];
  });
};
