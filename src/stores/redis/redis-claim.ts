/** Idempotency keys in Redis, beside the receipts: each belongs to one request, and is counted against what its client may have. */
import type { CounterStore } from '../../core/counter/counter-store.ts';
import { isExpired, type KeyRefusal, RECEIPT_TTL_MS, type ReceiptDraft } from '../../core/values/receipt.ts';
import { type RedisClient, translated } from './connection/redis-client.ts';
import { loadRedisScript, runRedisScript } from './connection/redis-script.ts';

const CLAIM = /^([0-9]+) (\S+)$/;

export const createRedisClaim = ({
  commands,
  names,
}: Pick<RedisClient, 'commands' | 'names'>): NonNullable<CounterStore['claim']> => {
  const claimScript = loadRedisScript('claim-key');
  const spendScript = loadRedisScript('spend-allowance');

  /** @param extra the key of the allowance and how much it is, where one script may have both keys. */
  const claim = async (
    { hash, fingerprint, atMs }: ReceiptDraft,
    extra?: readonly [key: string, max: string],
  ): Promise<boolean | KeyRefusal> => {
    const keys = [names.claim(hash), ...(extra === undefined ? [] : [extra[0]])];
    const words = [fingerprint, `${atMs}`, `${RECEIPT_TTL_MS}`, ...(extra === undefined ? [] : [extra[1]])];
    const answer = Number(await runRedisScript(commands, claimScript, keys, words));
    return answer < 0 ? { retryAfterMs: -answer } : answer === 1;
  };

  /** In a cluster the two keys may lie on different servers: what is spent before it is used is never too much. */
  const claimApart = async (draft: ReceiptDraft, key: string, max: string): Promise<boolean | KeyRefusal> => {
    const [, since, owner] = CLAIM.exec((await commands.get(names.claim(draft.hash))) ?? '') ?? [];
    if (owner !== undefined && !isExpired({ atMs: Number(since) }, draft.atMs)) return owner === draft.fingerprint;
    const retryAfterMs = Number(await runRedisScript(commands, spendScript, [key], [max]));
    return retryAfterMs > 0 ? { retryAfterMs } : claim(draft);
  };

  return (draft) =>
    translated(() => {
      const { allowance } = draft;
      if (allowance === undefined) return claim(draft);
      const [key, max] = [names.keyAllowance(allowance.name), `${allowance.max}`];
      return commands.runEach === undefined ? claim(draft, [key, max]) : claimApart(draft, key, max);
    });
};
