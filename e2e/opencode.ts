import { join } from "node:path";
import type { Agent, Setting } from "./agent.ts";

export const opencode: Agent = {
  name: "opencode",
  package: "opencode-ai@1.18.33",
  program: "opencode",
  models: ["chats", "claude"],
  // For its plugins' types, and for ripgrep where that is not installed.
  asksForOthers: true,
  launch: (setting, prompt) => ({
    words: ["run", "--model", `keyplane/${setting.model}`, prompt],
    environment: {
      KEYPLANE_KEY: setting.key,
      OPENCODE_DISABLE_AUTOUPDATE: "1",
      OPENCODE_DISABLE_MODELS_FETCH: "1",
      OPENCODE_DISABLE_LSP_DOWNLOAD: "1",
    },
    files: { [join(setting.project, "opencode.json")]: configText(setting) },
  }),
  reading: (file, offered) =>
    offered.includes("bash")
      ? { name: "bash", input: { command: `cat ${file}`, description: "Reads the file" } }
      : undefined,
};

function configText({ url, model }: Setting): string {
  return JSON.stringify({
    $schema: "https://opencode.ai/config.json",
    autoupdate: false,
    share: "disabled",
    permission: "allow",
    provider: {
      keyplane: {
        npm: "@ai-sdk/openai-compatible",
        name: "Keyplane",
        options: { baseURL: `${url}/v1`, apiKey: "{env:KEYPLANE_KEY}" },
        models: { [model]: {} },
      },
    },
  });
}
