import type { CommandDocument, DocumentParameter } from "../../../local/run-command/document.ts";

export const document = (
  script: string,
  parameters: Record<string, DocumentParameter> = {},
  timeoutSeconds: number | string = "60",
): CommandDocument => ({
  schemaVersion: "2.2",
  parameters,
  mainSteps: [
    { action: "aws:runShellScript", name: "run", inputs: { runCommand: script.split("\n"), timeoutSeconds } },
  ],
});
