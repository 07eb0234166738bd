/** How often a property is tried: as often as CI has time for, or, in the long run, `PROPERTY_TIMES` as often (`.ci/long properties`). */
const TIMES = Number(process.env['PROPERTY_TIMES'] ?? 1);

export const propertyRuns = (usual: number): number => Math.ceil(usual * TIMES);
