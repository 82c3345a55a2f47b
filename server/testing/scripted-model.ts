import type { ServerResponse } from "node:http";
import { type AnswerUpstream, sendEvents, sendJson, type UpstreamCall } from "./fake-upstream.ts";
import {
  chatEvents,
  chatReply,
  messageEvents,
  messageReply,
  responseEvents,
  responseReply,
  type ScriptedCall,
  scriptedTokens,
  type Turn,
} from "./scripted-replies.ts";

/** What a model says: one call of a tool, and an answer once it has been given the call's result. */
export interface Script {
  /** Said before the call. */
  readonly preamble: string;
  /** Picks a call among the names of the tools that are offered; undefined has it answer at once. */
  readonly choose: (offered: readonly string[]) => ScriptedCall | undefined;
  readonly answer: string;
}

/** An upstream that plays the script on `chat/completions`, `responses` and `messages`, whole or streamed. */
export function playing(script: Script): AnswerUpstream {
  return ({ path, body }, response) => {
    const { pathname } = new URL(path, "http://upstream");
    if (pathname.endsWith("/count_tokens"))
      return sendJson(response, { input_tokens: scriptedTokens.input });
    const turn = turnOf(script, body);
    const streams = body["stream"] === true;
    if (pathname.endsWith("/chat/completions"))
      return streams ? sendEvents(response, chatEvents(turn)) : sendJson(response, chatReply(turn));
    if (pathname.endsWith("/messages"))
      return streams
        ? sendNamedEvents(response, messageEvents(turn))
        : sendJson(response, messageReply(turn));
    if (pathname.endsWith("/responses"))
      return streams
        ? sendNamedEvents(response, responseEvents(turn))
        : sendJson(response, responseReply(turn));
    return sendJson(response, { error: { message: `No ${pathname} here`, type: "test" } }, 404);
  };
}

/** Whether the client has brought the result of a call along, and everything else that it said. */
export function holdsToolResult({ text }: Pick<UpstreamCall, "text">): boolean {
  return /"role":\s*"tool"|"type":\s*"(tool_result|function_call_output)"/.test(text);
}

function turnOf({ preamble, choose, answer }: Script, body: UpstreamCall["body"]): Turn {
  const call = holdsToolResult({ text: JSON.stringify(body) })
    ? undefined
    : choose(toolNames(body["tools"]));
  if (!call) return { text: answer, call: undefined };
  return { text: preamble, call: { ...call, json: JSON.stringify(call.input) } };
}

function toolNames(tools: unknown): string[] {
  if (!Array.isArray(tools)) return [];
  return tools.map(
    (tool: { name?: string; function?: { name: string } }) =>
      tool.function?.name ?? tool.name ?? "",
  );
}

/** Each event in a write of its own, named as its type says: Anthropic's streams and those of responses. */
function sendNamedEvents(response: ServerResponse, events: readonly { type: string }[]): void {
  response.writeHead(200, { "content-type": "text/event-stream" });
  for (const event of events)
    response.write(`event: ${event.type}\ndata: ${JSON.stringify(event)}\n\n`);
  response.end();
}
