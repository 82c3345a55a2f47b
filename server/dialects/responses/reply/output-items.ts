/**
 * What a reply's `output` is made of, as it goes over the wire.
 *
 * Source: https://platform.openai.com/docs/api-reference/responses/object
 */
export type OutputItem =
  | MessageItem
  | ReasoningItem
  | FunctionCallItem
  | CustomToolCallItem
  | ToolSearchCallItem
  | ImageItem;

export type ItemStatus = "in_progress" | "completed" | "incomplete";

export type MessagePart =
  | {
      readonly type: "output_text";
      readonly text: string;
      readonly annotations: never[];
      readonly logprobs: never[];
    }
  | { readonly type: "refusal"; readonly refusal: string };

export interface MessageItem {
  readonly id: string;
  readonly type: "message";
  readonly status: ItemStatus;
  readonly role: "assistant";
  readonly content: MessagePart[];
}

export interface ReasoningItem {
  readonly id: string;
  readonly type: "reasoning";
  readonly summary: { readonly type: "summary_text"; readonly text: string }[];
  readonly encrypted_content?: string;
}

interface Called {
  readonly id: string;
  readonly call_id: string;
  readonly name: string;
  readonly namespace?: string;
}

export interface FunctionCallItem extends Called {
  readonly type: "function_call";
  readonly status: ItemStatus;
  /** A JSON object, as text. */
  readonly arguments: string;
}

export interface CustomToolCallItem extends Called {
  readonly type: "custom_tool_call";
  readonly status: ItemStatus;
  readonly input: string;
}

export interface ToolSearchCallItem {
  readonly id: string;
  readonly type: "tool_search_call";
  readonly status: ItemStatus;
  readonly call_id: string;
  readonly execution: "client";
  readonly arguments: unknown;
}

export interface ImageItem {
  readonly id: string;
  readonly type: "image_generation_call";
  readonly status: "in_progress" | "completed";
  /** Base64. */
  readonly result: string | null;
}
