import type { Agent } from "./agent.ts";

export const claudeCode: Agent = {
  name: "Claude Code",
  package: "@anthropic-ai/claude-code@2.1.332",
  program: "claude",
  models: ["claude", "chats"],
  launch: ({ url, key, model }, prompt) => ({
    words: ["-p", prompt, "--allowedTools", "Bash"],
    environment: {
      ANTHROPIC_BASE_URL: url,
      ANTHROPIC_AUTH_TOKEN: key,
      ANTHROPIC_MODEL: model,
      // What it calls for titles and summaries.
      ANTHROPIC_DEFAULT_HAIKU_MODEL: model,
      CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC: "1",
      DISABLE_AUTOUPDATER: "1",
      DISABLE_TELEMETRY: "1",
    },
  }),
  reading: (file, offered) =>
    offered.includes("Bash")
      ? { name: "Bash", input: { command: `cat ${file}`, description: "Reads the file" } }
      : undefined,
};
