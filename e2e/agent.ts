import type { ScriptedCall } from "../server/testing/scripted-replies.ts";
import type { ModelName } from "./gateway.ts";

/** How an agent is told of the gateway, in files and variables of its own. */
export interface Setting {
  /** The gateway's, without a path. */
  readonly url: string;
  readonly key: string;
  readonly model: ModelName;
  /** Of the agent alone. */
  readonly home: string;
  readonly project: string;
}

export interface Launch {
  readonly words: readonly string[];
  readonly environment: Readonly<Record<string, string>>;
  /** Absolute path → text. */
  readonly files?: Readonly<Record<string, string>>;
}

/** A coding agent that runs without a terminal. */
export interface Agent {
  readonly name: string;
  /** As npm names it, with the version. */
  readonly package: string;
  /** The program among those that the package installs. */
  readonly program: string;
  /** Groups whose upstreams it is run against. */
  readonly models: readonly [ModelName, ...ModelName[]];
  /** It asks for other hosts whatever it is told, and does without. */
  readonly asksForOthers?: boolean;
  launch(setting: Setting, prompt: string): Launch;
  /** The call of its own tool, if it is offered, that prints a file of the project. */
  reading(file: string, offered: readonly string[]): ScriptedCall | undefined;
}
