import type { CountTokensReply } from "../../../shared/anthropic/messages.ts";
import { countPromptTokens } from "../../providers/tokens.ts";
import { toChat } from "./to-chat.ts";

/**
 * The reply to POST /v1/messages/count_tokens where the upstream has no such route: an estimate.
 *
 * @throws GatewayError `invalid_request` as `toChat` does
 */
export async function countTokens(
  request: Readonly<Record<string, unknown>>,
): Promise<CountTokensReply> {
  return { input_tokens: await countPromptTokens(toChat(request).chat) };
}
