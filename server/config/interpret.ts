import type { ConfigFile } from "../../shared/config.ts";
import { configFile, modelListEntry } from "../../shared/config.ts";
import type { Deployment, DeploymentReading } from "./deployment.ts";
import { readDeployment } from "./deployment.ts";
import type { Environment, Missing } from "./environment.ts";
import { lookUp, replaceReferences, withVariables } from "./environment.ts";
import { describeIssue } from "./faults.ts";
import { readFilesModel } from "./files-model.ts";
import type { Path, Remark } from "./note.ts";
import { formatPath } from "./note.ts";
import { isRecord } from "./record.ts";
import { setAside } from "./unsupported.ts";
import type { LackWarning } from "./unsupported.ts";

export interface Interpretation {
  /** Undefined when there are faults. */
  readonly file: (Omit<ConfigFile, "model_list"> & { model_list: Deployment[] }) | undefined;
  readonly faults: readonly Remark[];
  readonly warnings: readonly Remark[];
}

/** Makes settings of the data of a file: everything that is wrong with it is found in one go. */
export function interpret(data: unknown, environment: Environment): Interpretation {
  const supported = setAside(data ?? {});
  const references = resolveReferences(supported.data, environment);
  const parsed = configFile.safeParse(references.data, { reportInput: true });
  const deployments = readDeployments(references.data, {
    environment: references.environment,
    unavailable: unavailableReasons(supported.warnings, references.missing),
  });
  const filesModel = readFilesModel(parsed.data?.general_settings.files_model, deployments);
  const faults = [
    ...references.missing.filter(({ path }) => deploymentOf(path) === undefined).map(missingRemark),
    ...(parsed.error?.issues ?? [])
      .flatMap(describeIssue)
      .filter(({ path }) => !references.missing.some((missing) => isSamePath(missing.path, path))),
    ...[...deployments, filesModel].flatMap(({ fault }) => fault ?? []),
    ...repeatedIds(deployments),
  ];
  const warnings = [
    ...supported.warnings,
    ...references.missingVariables.map(missingRemark),
    ...[...deployments, filesModel].flatMap(({ warning }) => warning ?? []),
    ...weakMasterKey(parsed.data?.general_settings.master_key),
  ];
  const model_list = deployments.map(({ deployment }) => deployment);
  return {
    file: parsed.success && faults.length === 0 ? { ...parsed.data, model_list } : undefined,
    faults,
    warnings,
  };
}

function resolveReferences(data: unknown, processEnvironment: Environment) {
  if (!isRecord(data))
    return { data, environment: processEnvironment, missing: [], missingVariables: [] };
  const { environment_variables, ...rest } = data;
  const {
    environment,
    section,
    missing: missingVariables,
  } = withVariables(environment_variables, processEnvironment);
  const { value, missing } = replaceReferences(withMasterKey(rest, environment), environment);
  return {
    data: { ...(isRecord(value) ? value : {}), environment_variables: section },
    environment,
    missing,
    missingVariables,
  };
}

/** Puts `KEYPLANE_MASTER_KEY`, where it is set, in the place of `generate`. */
function withMasterKey(
  data: Record<string, unknown>,
  environment: Environment,
): Record<string, unknown> {
  const general = data["general_settings"];
  if (!isRecord(general) || general["master_key"] !== "generate") return data;
  return {
    ...data,
    general_settings: {
      ...general,
      master_key: lookUp(environment, "KEYPLANE_MASTER_KEY") ?? "generate",
    },
  };
}

interface DeploymentContext {
  readonly environment: Environment;
  readonly unavailable: ReadonlyMap<number, string>;
}

type IndexedReading = DeploymentReading & { readonly index: number };

/** Of the entries that are valid in themselves: the faults of the others are the schema's to tell. */
function readDeployments(
  data: unknown,
  { environment, unavailable }: DeploymentContext,
): readonly IndexedReading[] {
  const list = isRecord(data) && Array.isArray(data["model_list"]) ? data["model_list"] : [];
  return list.flatMap((raw, index) => {
    const { data: entry } = modelListEntry.safeParse(raw);
    return entry
      ? [
          {
            ...readDeployment({ entry, index, environment, unavailable: unavailable.get(index) }),
            index,
          },
        ]
      : [];
  });
}

function unavailableReasons(
  lacking: readonly LackWarning[],
  missing: readonly Missing[],
): ReadonlyMap<number, string> {
  const reasons = new Map<number, string>();
  const add = (path: Path, reason: string) => {
    const index = deploymentOf(path);
    if (index !== undefined && !reasons.has(index)) reasons.set(index, reason);
  };
  for (const { path, lack } of lacking)
    if (lack === "withheld") add(path, `${path.at(-1)} is not supported yet`);
  for (const { path, variable } of missing) add(path, `${variable} is not set`);
  return reasons;
}

/** The index of the entry whose `litellm_params` a path lies in. */
function deploymentOf([section, index, part]: Path): number | undefined {
  return section === "model_list" && part === "litellm_params" && typeof index === "number"
    ? index
    : undefined;
}

function missingRemark({ path, variable }: Missing): Remark {
  return {
    path,
    message: `${formatPath(path)} reads os.environ/${variable}, but ${variable} is not set`,
  };
}

function repeatedIds(deployments: readonly IndexedReading[]): readonly Remark[] {
  const seen = new Map<string, number>();
  return deployments.flatMap(({ deployment, index }) => {
    const id = deployment.model_info.id;
    const first = id === undefined ? undefined : seen.get(id);
    if (id !== undefined && first === undefined) seen.set(id, index);
    const message = `model_list[${index}].model_info.id "${id}" is that of model_list[${first}] already`;
    return first === undefined
      ? []
      : [{ path: ["model_list", index, "model_info", "id"], message }];
  });
}

/** Below 16 characters a key can be guessed by trying. */
function weakMasterKey(masterKey: string | undefined): readonly Remark[] {
  if (masterKey === undefined || masterKey === "generate" || masterKey.length >= 16) return [];
  return [
    {
      path: ["general_settings", "master_key"],
      message:
        "general_settings.master_key is shorter than 16 characters: whoever guesses it is the admin",
    },
  ];
}

function isSamePath(left: Path, right: Path): boolean {
  return left.length === right.length && left.every((step, index) => step === right[index]);
}
