import type { Chat } from "../../../shared/openai/chat.ts";
import type { Translation } from "../translation.ts";
import { type Block, textBlocks } from "./block.ts";
import { closeSchema } from "./closed-schema.ts";
import type { Fields } from "../json.ts";
import type { ModelTraits } from "./model-traits.ts";

interface Format {
  /** For `output_config`. */
  readonly format?: Fields;
  /** For the end of `system`. */
  readonly instructions: readonly Block[];
}

/**
 * `response_format`. A schema is held to by structured outputs. Where the model has none, or the schema no form that they take,
 * and for an object of any shape, which Anthropic has no mode for, the model is asked for it in words. That is no promise, and
 * the client is told. A tool that the model must call, the way of the past, cannot be told from a client's tool in the answer,
 * and the newest models cannot be made to call one.
 */
export function encodeFormat(
  asked: Chat["response_format"],
  traits: ModelTraits,
  translation: Translation,
): Format {
  if (!asked || asked.type === "text") return { instructions: [] };
  const schema = asked.type === "json_schema" ? asked.json_schema.schema : undefined;
  const closed = schema && traits.hasStructuredOutputs ? closeSchema(schema) : undefined;
  if (closed) return { format: { type: "json_schema", schema: closed }, instructions: [] };
  translation.drop("response_format");
  return {
    instructions: textBlocks(schema ? `${schemaWords}\n${JSON.stringify(schema)}` : objectWords),
  };
}

const objectWords =
  "Answer with one JSON object and nothing else: no words before or after it, and no code fence around it.";

const schemaWords =
  "Answer with one JSON value and nothing else: no words before or after it, and no code fence around it. It must be valid under this JSON schema:";
