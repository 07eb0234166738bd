/** How replies write an instant. */
import { z } from 'zod';

/** RFC 3339, in UTC, with milliseconds. */
export const instant = z.string().meta({ format: 'date-time' });
