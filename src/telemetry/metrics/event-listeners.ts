/** What part of the events a group of metrics listens to. */
import type { NumberGeneratorEvent } from '../../core/events/events.ts';

type Type = NumberGeneratorEvent['type'];
export type Part = { readonly [Name in Type]?: (event: Extract<NumberGeneratorEvent, { type: Name }>) => void };
