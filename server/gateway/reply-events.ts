import type { Usage } from "../../shared/spend.ts";
import type { Dialect, ReplyHead } from "../dialects/dialect.ts";
import type { CallFailure } from "../providers/source.ts";
import type { EventSource, ModelEvent } from "../providers/model-event.ts";
import { toGatewayError } from "../errors.ts";
import { type AttemptEnd, costOf } from "./account.ts";
import type { Attempt, Call } from "./call.ts";
import { EventStream } from "./event-stream.ts";
import type { Gateway } from "./gateway.ts";
import { textOfEvents } from "./generated.ts";
import { brokenOff, ending, foreign, type Outcome, otherwiseOf } from "./outcome.ts";
import { failedAnswer } from "./reply-error.ts";
import { replyHeaders, sendJson, streamHeaders } from "./reply-headers.ts";
import type { Routed } from "./route.ts";
import { errorOfModel } from "./told-error.ts";

type Answered = Omit<Routed, "received"> & { readonly source: EventSource };

/** What a model says, in the client's format. */
export function replyEvents(gateway: Gateway, call: Call, answered: Answered): Promise<Outcome> {
  const { dialect } = call.endpoint;
  if (!dialect) throw new Error("A route without a dialect was answered with events");
  const writing = { dialect, head: headOf(gateway, call, answered) };
  return call.isStream
    ? replyStream(gateway, call, answered, writing)
    : replyWhole(call, answered, writing);
}

interface Writing {
  readonly dialect: Dialect;
  readonly head: ReplyHead;
}

function headOf({ returnUpstreamModel }: Gateway, call: Call, { attempt }: Answered): ReplyHead {
  const { id, startedAtMs } = attempt.entry.opening;
  return {
    id,
    model: returnUpstreamModel ? attempt.deployment.upstreamModel : call.asked,
    createdAtMs: startedAtMs,
    request: call.sent.request,
    promptTokens: call.permit.estimate.input,
  };
}

async function replyStream(
  gateway: Gateway,
  call: Call,
  { attempt, source, dropped }: Answered,
  { dialect, head }: Writing,
): Promise<Outcome> {
  const { response, client } = call;
  response.writeHead(200, [...replyHeaders(call, { attempt, dropped }), ...streamHeaders]);
  const stream = new EventStream(call, attempt, dialect.createEncoder(head));
  client.whenGone(() => source.abort());
  source.read(stream);
  response.flushHeaders();
  const unwatch = gateway.keepAlive.watch(response);
  const { failure, tail, text, ...seen } = await stream.finished;
  unwatch();
  if (failure) source.abort();
  return {
    end: { ...ending(failure), ...seen, otherwise: otherwiseOf({ failure, text, ...seen }) },
    finish: () => response.end(tail),
  };
}

async function replyWhole(
  call: Call,
  { attempt, source, dropped }: Answered,
  { dialect, head }: Writing,
): Promise<Outcome> {
  call.client.whenGone(() => source.abort());
  const events = await allOf(source);
  if ("kind" in events) return brokenOff(call, events);
  const failed = failedOf(events, call, attempt);
  if (failed) return failed;
  const usage = usageOf(events);
  const body = encoded(events, { dialect, head });
  if (!Buffer.isBuffer(body))
    return {
      end: { ...unusable(body.thrown), usage, otherwise: { kind: "nothing" } },
      error: body.thrown,
    };
  const cost = costOf(attempt, usage);
  const text = usage ? "" : textOfEvents(events);
  return {
    end: { status: "success", usage, cost, otherwise: { kind: "generated", text } },
    finish: () => sendJson(call, body, { attempt, dropped, cost }),
  };
}

/** A stream was asked for, and something else came. */
export function replyUnstreamed(
  call: Call,
  attempt: Attempt,
  events: readonly ModelEvent[],
): Outcome {
  const failed = failedOf(events, call, attempt);
  return failed ?? foreign(call, "something that is no event stream", usageOf(events));
}

/** Of one that tells of an error. */
function failedOf(
  events: readonly ModelEvent[],
  call: Call,
  attempt: Attempt,
): Outcome | undefined {
  const told = events.find((event) => event.type === "error");
  return told && failedAnswer(call, attempt, { usage: usageOf(events), error: errorOfModel(told) });
}

/** What was consumed is known, whatever is wrong with the reply. */
function encoded(
  events: readonly ModelEvent[],
  { dialect, head }: Writing,
): Buffer | { readonly thrown: unknown } {
  try {
    return Buffer.from(JSON.stringify(dialect.encodeReply(events, head)));
  } catch (thrown) {
    return { thrown };
  }
}

function unusable(thrown: unknown): Pick<AttemptEnd, "status" | "errorCode"> {
  return { status: "failure", errorCode: toGatewayError(thrown).code };
}

function allOf(source: EventSource): Promise<readonly ModelEvent[] | CallFailure> {
  return new Promise((resolve) => {
    const all: ModelEvent[] = [];
    source.read({
      onData(events) {
        for (const event of events) all.push(event);
        return true;
      },
      onEnd: () => resolve(all),
      onFailure: resolve,
    });
  });
}

export function usageOf(events: readonly ModelEvent[]): Usage | undefined {
  return events.findLast((event) => event.type === "usage")?.usage;
}
