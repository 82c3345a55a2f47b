import { keyRouter } from "./key.ts";
import { spendRouter } from "./spend.ts";
import { router } from "./trpc.ts";

/** The control plane. REST, OpenAPI and the typed client are all derived from it. */
export const controlRouter = router({ key: keyRouter, spend: spendRouter });
export type ControlRouter = typeof controlRouter;
