import { untranslatable } from "../translation.ts";

/** What a model's name says of what it takes. Google has no field that tells. */
export interface ModelTraits {
  /** Gemini 3 and later: calls have ids, and may not come back without the signature of the thought that led to them. */
  readonly isGemini3: boolean;
  /**
   * How its thinking is steered: by a level since Gemini 3, by a budget of tokens in 2.5. `none`: it does not think, or its
   * name does not tell how; a setting that it does not know would be answered with an error.
   */
  readonly thinking: "level" | "budget" | "none";
}

/** Aliases that follow the newest model. */
const latest = /^gemini-(?:pro|flash|flash-lite)-latest$/;
const generation = /^gemini-(\d+)(?:\.(\d+))?(?:-|$)/;
const thinkless = /-(?:tts|live|native-audio)(?:-|$)/;

export function traitsOf(model: string): ModelTraits {
  const name = bareName(model);
  if (latest.test(name)) return { isGemini3: true, thinking: "level" };
  const [, major, minor = "0"] = generation.exec(name) ?? [];
  if (major === undefined) return { isGemini3: false, thinking: "none" };
  const isGemini3 = Number(major) >= 3;
  if (thinkless.test(name)) return { isGemini3, thinking: "none" };
  if (isGemini3) return { isGemini3, thinking: "level" };
  const hasBudget = major === "2" && minor === "5" && !name.includes("-image");
  return { isGemini3, thinking: hasBudget ? "budget" : "none" };
}

/**
 * The path of a model's method below the base address.
 *
 * @throws GatewayError where the name would lead elsewhere: under a wildcard deployment it is the caller's text
 */
export function modelRoute(model: string, method: string): string {
  const segments = bareName(model).split("/");
  if (segments.some((segment) => segment === "" || segment === "." || segment === ".."))
    throw untranslatable("model", `Cannot call the model ${JSON.stringify(model)}: it is no name`);
  return `models/${segments.map(encodeURIComponent).join("/")}:${method}`;
}

/** Without the `models/` that Google's own listings put before it. */
export function bareName(model: string): string {
  return model.startsWith("models/") ? model.slice("models/".length) : model;
}
