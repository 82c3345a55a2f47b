/** What OpenRouter lets a model's name end in to say how it is routed: the price stays that of the model. */
const routing = /(?::(?:nitro|floor|exacto|online))+$/;

interface NamedModel {
  readonly provider: string;
  readonly model: string;
  readonly baseModel?: string | undefined;
}

/** The name under which the price library lists what a deployment runs. */
export function pricedName({ provider, model, baseModel }: NamedModel): string {
  const name = baseModel ?? model;
  const prefix = ["openrouter/", `${provider}/`, "models/"].find((start) => name.startsWith(start));
  const bare = prefix === undefined ? name : name.slice(prefix.length);
  return provider === "openrouter" ? bare.replace(routing, "") : bare;
}
