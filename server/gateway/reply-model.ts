import type { Call } from "./call.ts";
import type { Gateway } from "./gateway.ts";

/** What a reply that passes through calls its model, as JSON; undefined leaves it the upstream's name. */
export function replyModel(
  { returnUpstreamModel }: Gateway,
  { asked, group }: Call,
): Buffer | undefined {
  if (returnUpstreamModel) return undefined;
  return asked === group.name ? group.nameJson : Buffer.from(JSON.stringify(asked));
}
