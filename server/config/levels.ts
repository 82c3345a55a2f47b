import * as schema from "../../shared/config.ts";
import * as known from "./known.ts";
import type { Path } from "./note.ts";

/** One mapping of the file: the keys that are implemented, those that are known to be lacking, and the mappings within. */
export interface Level {
  readonly keys: readonly string[];
  readonly lacks: known.Lacks;
  readonly within: Readonly<Record<string, Level>>;
  /** The value is a list of such mappings. */
  readonly isList?: true;
}

function level(
  keys: object,
  lacks: known.Lacks,
  within: Readonly<Record<string, Level>> = {},
): Level {
  return { keys: Object.keys(keys), lacks, within };
}

const modelList: Level = {
  ...level(schema.modelListEntry.shape, known.modelListEntryLacks, {
    litellm_params: level(schema.litellmParams.shape, known.litellmParamsLacks),
    model_info: level(schema.modelInfo.shape, known.modelInfoLacks),
  }),
  isList: true,
};

export const fileLevel: Level = level(schema.configFile.shape, known.fileLacks, {
  model_list: modelList,
  general_settings: level(schema.generalSettings.shape, known.generalSettingsLacks),
  litellm_settings: level(schema.litellmSettings.shape, known.litellmSettingsLacks, {
    default_key_generate_params: level(
      schema.defaultKeyGenerateParams.shape,
      known.defaultKeyGenerateParamsLacks,
    ),
  }),
  router_settings: level(schema.routerSettings.shape, known.routerSettingsLacks),
});

export function levelAt(path: Path): Level | undefined {
  return path.reduce<Level | undefined>(
    (found, step) => (typeof step === "number" ? found : found && child(found, step)),
    fileLevel,
  );
}

export function child({ within }: Level, key: string): Level | undefined {
  return Object.hasOwn(within, key) ? within[key] : undefined;
}

/** How a key of that proxy is lacking here; undefined when it is implemented, or known to nobody. */
export function lackOf({ lacks }: Level, key: string): known.Lack | undefined {
  const kinds = ["withheld", "unenforced", "uncharged", "ignored"] as const;
  return kinds.find((kind) =>
    lacks[kind]?.some((name) =>
      name.endsWith("*") ? key.startsWith(name.slice(0, -1)) : name === key,
    ),
  );
}

/** The name of a mapping elsewhere in the file that does take this key. */
export function homeOf(
  key: string,
  { keys, within } = fileLevel,
  name = "the top level of the file",
): string | undefined {
  if (keys.includes(key)) return name;
  return Object.entries(within)
    .map(([childName, inner]) => homeOf(key, inner, childName))
    .find((home) => home !== undefined);
}
