import { createRequire } from "node:module";
import { dirname } from "node:path";

const require = createRequire(import.meta.url);
// By the package's own name, since sources and compiled files do not lie at the same depth.
const manifestPath = require.resolve("keyplane/package.json");

/** Where package.json and migrations/ are. */
export const packageRoot: string = dirname(manifestPath);

export const version: string = (require(manifestPath) as { version: string }).version;
