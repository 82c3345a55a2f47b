/** What a model takes, as far as requests must differ for it. Its API refuses the rest with status 400. */
export interface ModelTraits {
  /** The longest answer that it gives, in tokens. */
  readonly maxOutputTokens: number;
  /** Whether that is known: a guess must not cut down what a client asks for. */
  readonly isLimitKnown: boolean;
  /**
   * - `none`: does not think
   * - `budget`: only with a budget of tokens
   * - `either`: with a budget, or adaptively, steered by an effort
   * - `adaptive`: only adaptively
   * - `always`: adaptively, and thinking cannot be switched off
   */
  readonly thinking: "none" | "budget" | "either" | "adaptive" | "always";
  /** Has the thinking type `between_tools`, the least where thinking cannot be switched off. */
  readonly hasBetweenTools: boolean;
  /** Knows the effort `xhigh`. */
  readonly hasExtraHighEffort: boolean;
  /** Takes `temperature`, `top_p` and `top_k`: all, only one of the first two, or none. */
  readonly sampling: "all" | "one" | "none";
  /** Has structured outputs and strict tools. */
  readonly hasStructuredOutputs: boolean;
  /** May be made to call a tool. */
  readonly hasForcedTools: boolean;
  /** Takes messages of the role `system` within the conversation. */
  readonly hasSystemMessages: boolean;
}

/** Of other makers, behind Anthropic's wire format: the oldest of its features, which all of them have. */
const foreign: ModelTraits = {
  maxOutputTokens: 8_192,
  isLimitKnown: false,
  thinking: "budget",
  hasBetweenTools: false,
  hasExtraHighEffort: false,
  sampling: "all",
  hasStructuredOutputs: false,
  hasForcedTools: true,
  hasSystemMessages: false,
};

/**
 * By the name's family and version, because names outlive every list: one that is newer than all that is known here is treated
 * as the newest, and so is one without a version.
 *
 * Source: https://platform.claude.com/docs/en/build-with-claude/thinking,
 * https://platform.claude.com/docs/en/about-claude/models/migration-guide
 */
export function traitsOf(model: string): ModelTraits {
  if (!model.includes("claude")) return foreign;
  const version = versionOf(model);
  const family = /opus|sonnet|haiku|fable|mythos/.exec(model)?.[0];
  return {
    maxOutputTokens: maxOutputTokens(version, family),
    isLimitKnown: version <= newest,
    thinking: thinkingOf(version, family),
    hasBetweenTools: family === "sonnet" && version === 505,
    hasExtraHighEffort: version >= 407,
    sampling: version >= 407 ? "none" : version >= 401 ? "one" : "all",
    hasStructuredOutputs: version >= 401,
    hasForcedTools: !refusesForcedTools(version, family),
    hasSystemMessages: version >= 408,
  };
}

/** 5.5, in hundreds. */
const newest = 505;

/** The version in hundreds: 4.5 is 405. Both `claude-opus-4-5-20251101` and `claude-3-5-sonnet-latest` are in use. */
function versionOf(model: string): number {
  const [, major, minor] =
    /claude-(?:[a-z]+-)?v?(\d{1,2})(?!\d)(?:[-.](\d{1,2})(?!\d))?/.exec(model) ?? [];
  if (major !== undefined) return Number(major) * 100 + Number(minor ?? 0);
  return model.includes("instant") ? 100 : Number.MAX_SAFE_INTEGER;
}

function maxOutputTokens(version: number, family: string | undefined): number {
  if (version >= 406) return 128_000;
  if (version >= 405) return 64_000;
  if (version >= 400) return family === "opus" ? 32_000 : 64_000;
  if (version >= 307) return 64_000;
  return version >= 305 ? 8_192 : 4_096;
}

function thinkingOf(version: number, family: string | undefined): ModelTraits["thinking"] {
  if (version < 307) return "none";
  if (version < 406) return "budget";
  if (version === 406) return "either";
  if (family === "fable" || family === "mythos") return "always";
  return version >= newest && !(family === "haiku" && version === newest) ? "always" : "adaptive";
}

function refusesForcedTools(version: number, family: string | undefined): boolean {
  if (version > newest) return false;
  if (family === "fable" || family === "mythos") return version >= 501;
  return version === newest && family !== "haiku";
}
