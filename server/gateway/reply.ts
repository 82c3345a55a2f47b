import { account } from "./account.ts";
import type { Call } from "./call.ts";
import type { Gateway } from "./gateway.ts";
import { abandon, type Outcome } from "./outcome.ts";
import { replyBytes } from "./reply-bytes.ts";
import { replyEvents, replyUnstreamed } from "./reply-events.ts";
import { replyVectors } from "./reply-vectors.ts";
import type { Routed } from "./route.ts";

/**
 * Carries the upstream's answer to the client, as it comes or as a whole, and accounts for it once it has ended, however
 * it did. Only then is the client sent the last of it: who has a whole reply can rely on its being accounted for.
 *
 * @throws GatewayError what the client is to be told where it has been sent nothing yet.
 */
export async function reply(gateway: Gateway, call: Call, routed: Routed): Promise<void> {
  let outcome: Outcome;
  try {
    const carried = carry(gateway, call, routed);
    outcome = carried instanceof Promise ? await carried : carried;
  } catch (thrown) {
    abandon(routed.received);
    closeHalfSent(call);
    outcome = {
      end: { status: "failure", errorCode: "internal", otherwise: { kind: "nothing" } },
      error: thrown,
    };
  }
  await account(gateway, call, routed.attempt, outcome.end);
  if ("error" in outcome) throw outcome.error;
  try {
    outcome.finish();
  } catch (thrown) {
    closeHalfSent(call);
    throw thrown;
  }
}

/** Half a reply must not look like a whole one. */
function closeHalfSent({ response }: Call): void {
  if (response.headersSent && !response.writableEnded) response.destroy();
}

function carry(
  gateway: Gateway,
  call: Call,
  { attempt, received, dropped }: Routed,
): Outcome | Promise<Outcome> {
  switch (received.kind) {
    case "bytes":
      return replyBytes(gateway, call, { attempt, dropped, answer: received.answer });
    case "events":
      return replyEvents(gateway, call, { attempt, dropped, source: received.source });
    case "unstreamed":
      return received.read().then((events) => replyUnstreamed(call, attempt, events));
    case "vectors":
      return replyVectors(gateway, call, { attempt, dropped, read: received.read });
  }
}
