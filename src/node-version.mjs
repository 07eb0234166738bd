/** Loaded before anything else (`--import`): says in a sentence that this Node is too old, where it would end in a stack trace. */
const OLDEST = 24;
if (Number(process.versions.node.split('.')[0]) < OLDEST) {
  console.error(
    `Node ${OLDEST} or newer is needed, this is ${process.version} (${process.execPath}). "npm ci" brings the right one along, without --omit=dev; with it, install Node ${OLDEST} first.`,
  );
  process.exit(1);
}
