import type { H3Event } from "h3";
import { GatewayError, invalidRequest } from "../errors.ts";
import { editMembers } from "../wire/json-members.ts";
import { type Form, readForm } from "../wire/multipart.ts";
import type { Endpoint } from "./endpoints.ts";
import { nodeOf } from "./node-event.ts";
import { parseObject } from "./request-body.ts";

export interface ReadCall {
  /** Checked as far as the gateway reads it. */
  readonly request: Record<string, unknown> & { readonly model: string };
  readonly body: Buffer;
  /** The body's parts, where it is a form. */
  readonly form: Form | undefined;
}

/** The request that a body is. A model in the path goes before one in the body. */
export function readCall(event: H3Event, endpoint: Endpoint, sent: Buffer): ReadCall {
  const inPath = event.context.params?.["model"];
  const model = inPath === undefined ? undefined : decodeURIComponent(inPath);
  if (endpoint.takesForm) return readFormCall(event, endpoint, { sent, model });
  const parsed = parseObject(sent);
  if (model === undefined) return { request: check(endpoint, parsed), body: sent, form: undefined };
  return {
    request: check(endpoint, { ...parsed, model }),
    body: editMembers(sent, new Map([["model", Buffer.from(JSON.stringify(model))]])),
    form: undefined,
  };
}

/** A form stays as it is: the upstream's name of the model is put into it when it leaves. */
function readFormCall(
  event: H3Event,
  endpoint: Endpoint,
  { sent, model }: { sent: Buffer; model: string | undefined },
): ReadCall {
  const reading = readForm(sent, nodeOf(event).request.headers["content-type"]);
  if (reading.kind === "broken")
    throw new GatewayError(
      "invalid_request",
      `Cannot read the body as a multipart form: ${reading.reason}`,
    );
  const fields = fieldsOf(reading.form);
  const named = model === undefined ? fields : { ...fields, model };
  return { request: check(endpoint, named), body: sent, form: reading.form };
}

/** No field that is read here is longer: those that are go to the upstream unread. */
const maxFieldBytes = 64 * 1024;

function fieldsOf({ parts }: Form): Record<string, unknown> {
  const models = parts.filter(({ name }) => name === "model");
  if (models.length > 1 || models.some(({ filename }) => filename !== undefined))
    throw new GatewayError(
      "invalid_request",
      "Cannot tell the model: expected one field named model, and no file",
      { param: "model" },
    );
  const texts = parts.filter(
    ({ filename, content }) => filename === undefined && content.length <= maxFieldBytes,
  );
  const fields = Object.fromEntries(
    texts.map(({ name, content }) => [name, content.toString()] as const),
  );
  // What upstreams' parsers of forms take for true.
  return { ...fields, stream: /^(true|1|yes|on)$/i.test(fields["stream"] ?? "") };
}

function check(endpoint: Endpoint, parsed: Record<string, unknown>): ReadCall["request"] {
  const checked = endpoint.schema.safeParse(parsed);
  if (checked.success) return heeded(endpoint, parsed) as ReadCall["request"];
  if (parsed["model"] === undefined)
    throw new GatewayError("invalid_request", "Cannot call a model: the body names none in model", {
      param: "model",
    });
  throw invalidRequest(checked.error);
}

/** A route that does not stream takes no notice of `stream`, and nor does anyone who reads the request from here on. */
function heeded(endpoint: Endpoint, parsed: Record<string, unknown>): Record<string, unknown> {
  return endpoint.streams || parsed["stream"] !== true ? parsed : { ...parsed, stream: false };
}
