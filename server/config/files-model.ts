import { addressOf } from "../providers/deployment-address.ts";
import { keepsFiles } from "../providers/deployment-files.ts";
import { type ModelReference, parseModelReference } from "../providers/registry.ts";
import { captured } from "../providers/wildcard.ts";
import type { Deployment } from "./deployment.ts";
import type { Remark } from "./note.ts";
import { nearest } from "./suggest.ts";

interface Entry {
  readonly deployment: Deployment;
  readonly index: number;
}

/** Whether the account that is to keep files is there, can be called, and is the only one. */
export function readFilesModel(
  name: string | undefined,
  entries: readonly Entry[],
): { fault?: Remark; warning?: Remark } {
  if (name === undefined) return {};
  const path = ["general_settings", "files_model"];
  const setting = `general_settings.files_model is ${JSON.stringify(name)}`;
  const members = membersOf(name, entries);
  if (members.length === 0)
    return {
      fault: { path, message: `${setting}, which model_list lacks${advice(name, entries)}` },
    };
  const keepers = members.filter((member) => keepsFiles(member.deployment, referenceOf(member)));
  const keeper = keepers.find(({ deployment }) => deployment.unavailable === undefined);
  if (!keeper) return { warning: { path, message: `${setting}, ${lackOf(keepers)}` } };
  if (new Set(keepers.map(accountOf)).size === 1) return {};
  const kept = `files and batches are kept at that of model_list[${keeper.index}] alone`;
  return { warning: { path, message: `${setting}, which has several upstream accounts: ${kept}` } };
}

/** As the catalog finds them: a group of that name, else the wildcard that says the most of it. */
function membersOf(name: string, entries: readonly Entry[]): readonly Entry[] {
  const fitting = entries
    .map(({ deployment }) => deployment.model_name)
    .filter((group) => group === name || captured(group, name) !== undefined)
    .toSorted((left, right) => right.length - left.length);
  const found = fitting.find((group) => group === name) ?? fitting[0];
  return entries.filter(({ deployment }) => deployment.model_name === found);
}

function advice(name: string, entries: readonly Entry[]): string {
  const meant = nearest(
    name,
    entries.map(({ deployment }) => deployment.model_name),
  );
  return meant === undefined ? "" : `: did you mean ${JSON.stringify(meant)}?`;
}

function lackOf([first]: readonly Entry[]): string {
  return first
    ? `whose upstream cannot be called: ${first.deployment.unavailable}`
    : "which has no upstream that is shaped like OpenAI and keeps files";
}

/** An entry that names no provider of ours cannot be called, and is taken for what its address would be. */
function referenceOf({ deployment }: Entry): ModelReference {
  const { model } = deployment.litellm_params;
  return parseModelReference(model) ?? { provider: "custom_openai", model };
}

function accountOf(entry: Entry): string {
  const { origin, pathOf } = addressOf(entry.deployment, referenceOf(entry));
  return JSON.stringify([origin, pathOf("files"), entry.deployment.litellm_params.api_key]);
}
