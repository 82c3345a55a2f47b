import { join } from "node:path";
import type { Agent, Setting } from "./agent.ts";

export const codex: Agent = {
  name: "Codex",
  package: "@openai/codex@0.169.0",
  program: "codex",
  models: ["gpt", "chats", "claude"],
  launch: (setting, prompt) => ({
    words: [
      "exec",
      "--skip-git-repo-check",
      "--dangerously-bypass-approvals-and-sandbox",
      "--color=never",
      prompt,
    ],
    environment: { KEYPLANE_KEY: setting.key },
    files: { [join(setting.home, ".codex/config.toml")]: configText(setting) },
  }),
  reading: (file, offered) =>
    offered.includes("exec_command")
      ? { name: "exec_command", input: { cmd: `cat ${file}` } }
      : undefined,
};

const configText = ({ url, model }: Setting) => `
model = "${model}"
model_provider = "keyplane"
check_for_update_on_startup = false

[analytics]
enabled = false

# A list of plugins would be fetched from GitHub and from OpenAI.
[features]
plugins = false

[model_providers.keyplane]
name = "Keyplane"
base_url = "${url}/v1"
env_key = "KEYPLANE_KEY"
wire_api = "responses"
`;
