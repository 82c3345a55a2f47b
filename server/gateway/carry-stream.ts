import type { Answer } from "../providers/call.ts";
import type { Call } from "./call.ts";
import type { Gateway } from "./gateway.ts";
import { replyHeaders, streamHeaders } from "./reply-headers.ts";
import { replyModel } from "./reply-model.ts";
import { type StreamEnd, StreamReply } from "./reply-stream.ts";
import type { Routed } from "./route.ts";

/** An upstream that answers in the client's own format. */
export type Answered = Omit<Routed, "received"> & { readonly answer: Answer };

/** Passes a stream of events on, but for what tells that it is complete. */
export async function carryStream(
  gateway: Gateway,
  call: Call,
  { attempt, answer, dropped }: Answered,
): Promise<StreamEnd> {
  const { response } = call;
  response.writeHead(200, [...replyHeaders(call, { attempt, dropped }), ...streamHeaders]);
  const stream = new StreamReply(call, attempt, replyModel(gateway, call));
  call.client.whenGone(() => answer.abort());
  answer.read(stream);
  response.flushHeaders();
  const unwatch = gateway.keepAlive.watch(response);
  const end = await stream.finished;
  unwatch();
  // Where the gateway itself failed on an event, the upstream is still sending.
  if (end.failure) answer.abort();
  return end;
}
