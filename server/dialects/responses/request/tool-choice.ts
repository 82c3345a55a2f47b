import type { FunctionTool, ToolChoice } from "../../../../shared/openai/chat.ts";
import type { ResponsesToolChoice } from "../../../../shared/openai/responses.ts";
import { GatewayError } from "../../../errors.ts";
import type { ToolNames } from "../tool-names.ts";

/** Those that may be called, where the choice names some. */
export function allowedTools(
  offered: readonly FunctionTool[],
  choice: ResponsesToolChoice | undefined,
  names: ToolNames,
): FunctionTool[] {
  if (!isAllowedTools(choice)) return [...offered];
  const allowed = new Set(
    choice.tools.map(({ name, namespace }) => (name ? names.inChat(name, namespace) : undefined)),
  );
  return offered.filter((tool) => allowed.has(tool.function.name));
}

export function chatToolChoice(
  choice: ResponsesToolChoice,
  tools: readonly FunctionTool[],
  names: ToolNames,
): ToolChoice {
  if (typeof choice === "string") return choice;
  if (isAllowedTools(choice)) return choice.mode;
  const { name, namespace } = choice;
  const chatName = name ? names.inChat(name, namespace as string | undefined) : undefined;
  if (chatName === undefined || !tools.some((tool) => tool.function.name === chatName))
    throw notCallable(name ?? choice.type);
  return { type: "function", function: { name: chatName } };
}

/** Whether a call is asked for, whatever there is to call. */
export function isForced(choice: ResponsesToolChoice | undefined): boolean {
  if (choice === undefined || typeof choice === "string") return choice === "required";
  return !isAllowedTools(choice) || choice.mode === "required";
}

type AllowedTools = Extract<ResponsesToolChoice, { mode: "auto" | "required" }>;

function isAllowedTools(choice: ResponsesToolChoice | undefined): choice is AllowedTools {
  return typeof choice === "object" && choice.type === "allowed_tools" && "mode" in choice;
}

function notCallable(tool: string): GatewayError {
  return new GatewayError(
    "invalid_request",
    `Cannot make the model call ${JSON.stringify(tool)}: it is no function of this request, and this model's provider runs no tools of OpenAI's`,
    { param: "tool_choice" },
  );
}

export function nothingToCall(): GatewayError {
  return new GatewayError(
    "invalid_request",
    "Cannot make the model call a tool: the request has no function for it, and this model's provider runs no tools of OpenAI's",
    { param: "tool_choice" },
  );
}
