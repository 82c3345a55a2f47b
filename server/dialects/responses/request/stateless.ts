import type { ResponsesInDepth } from "../../../../shared/openai/responses.ts";
import { GatewayError } from "../../../errors.ts";

/** @throws GatewayError `invalid_request` for what needs a store of earlier responses, which the gateway does not have */
export function refuseState(request: ResponsesInDepth): void {
  const previous = request["previous_response_id"] ?? undefined;
  if (previous !== undefined)
    throw notKept("previous_response_id", `the response ${JSON.stringify(previous)}`);
  const conversation = request["conversation"] ?? undefined;
  if (conversation !== undefined)
    throw notKept("conversation", `the conversation ${JSON.stringify(conversation)}`);
  if ((request["prompt"] ?? undefined) !== undefined)
    throw new GatewayError(
      "invalid_request",
      "Cannot use a stored prompt: this model's provider has none of yours",
      { param: "prompt" },
    );
}

/** @param what as in `the response "resp_1"` */
export function notKept(param: string, what: string): GatewayError {
  return new GatewayError(
    "invalid_request",
    `Cannot look up ${what}: nothing is stored for this model; send the whole conversation with "store": false`,
    { param },
  );
}
