import type { H3Event } from "h3";
import { GatewayError, invalidRequest } from "../errors.ts";
import type { CallRequest } from "../../shared/openai/requests.ts";
import { editMembers } from "../wire/json-members.ts";
import { type Form, readForm } from "../wire/multipart.ts";
import type { Endpoint } from "./endpoints.ts";
import { nodeOf } from "./node-event.ts";
import { parseObject } from "./request-body.ts";
import { Sent } from "./sent.ts";

type Fields = Readonly<Record<string, unknown>>;

/** The request that a body is, checked as far as the gateway reads it. A model in the path goes before one in the body. */
export function readCall(event: H3Event, endpoint: Endpoint, body: Buffer): Sent {
  const inPath = event.context.params?.["model"];
  const model = inPath === undefined ? undefined : decodeURIComponent(inPath);
  if (endpoint.takesForm) return readFormCall(event, endpoint, { body, model });
  const parsed = parseObject(body);
  if (model === undefined) return readJsonCall(endpoint, body, parsed);
  const named = editMembers(body, new Map([["model", Buffer.from(JSON.stringify(model))]]));
  return readJsonCall(endpoint, named, { ...parsed, model });
}

function readJsonCall(endpoint: Endpoint, body: Buffer, parsed: Fields): Sent {
  check(endpoint, parsed);
  return new Sent(body, undefined, heeded(endpoint, parsed), () =>
    heeded(endpoint, parseObject(body)),
  );
}

/** A form stays as it is: the upstream's name of the model is put into it when it leaves. */
function readFormCall(
  event: H3Event,
  endpoint: Endpoint,
  { body, model }: { body: Buffer; model: string | undefined },
): Sent {
  const reading = readForm(body, nodeOf(event).request.headers["content-type"]);
  if (reading.kind === "broken")
    throw new GatewayError(
      "invalid_request",
      `Cannot read the body as a multipart form: ${reading.reason}`,
    );
  const { form } = reading;
  const read = () => {
    const fields = fieldsOf(form);
    return model === undefined ? fields : { ...fields, model };
  };
  const fields = read();
  check(endpoint, fields);
  return new Sent(body, form, heeded(endpoint, fields), () => heeded(endpoint, read()));
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

function check(endpoint: Endpoint, parsed: Fields): void {
  const checked = endpoint.schema.safeParse(parsed);
  if (checked.success) return;
  if (parsed["model"] === undefined)
    throw new GatewayError("invalid_request", "Cannot call a model: the body names none in model", {
      param: "model",
    });
  throw invalidRequest(checked.error);
}

/** A route that does not stream takes no notice of `stream`, and nor does anyone who reads the request from here on. */
function heeded(endpoint: Endpoint, checked: Fields): CallRequest {
  const request = checked as CallRequest;
  return endpoint.streams || request["stream"] !== true ? request : { ...request, stream: false };
}
