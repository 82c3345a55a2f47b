import type { Config } from "../../shared/config.ts";
import type { KeyCache } from "../gateway/key-cache.ts";
import type { Logger } from "../log.ts";
import type { SqlPool } from "../store/database.ts";

/** What the control plane works with. */
export interface ControlPlane {
  readonly sql: SqlPool;
  /** Told of each write at once, so that this replica need not wait for its own notification. */
  readonly keys: KeyCache;
  readonly defaultKeyParams: Config["litellm_settings"]["default_key_generate_params"];
  /** Whose calendar the windows of budgets go by: an IANA name. */
  readonly timeZone: string;
  readonly logger: Logger;
}
