import { expect, test } from "vitest";
import { type Agent, hostCommand } from "../../../local/run-command/agent.ts";
import { document } from "./documents.ts";
import { shellHost } from "./shell-host.ts";

/** The form that works with every agent: the environment where it is set, the pasted text where it is not. */
const script = `if [ -z "\${SSM_Value+x}" ]; then SSM_Value="{{ Value }}"; fi
printf '%s' "$SSM_Value"`;

const run = async (
  agent: Agent,
  Value: string,
  parameter = { type: "String", interpolationType: "ENV_VAR" },
) => {
  const command = hostCommand({
    name: "D",
    document: document(script, { Value: parameter }),
    values: { Value },
    instanceId: "i-0123456789abcdef0",
    region: "eu-central-1",
    agent,
  });
  const answer = await shellHost().run(command);
  return { command, stdout: answer.kind === "exited" ? answer.stdout : "" };
};

test.each<Agent>(["current", "old"])("a harmless value reaches the script by a %s agent", async (agent) => {
  expect((await run(agent, "65536")).stdout).toBe("65536");
});

test("a current agent hands a hostile value over as data", async () => {
  const hostile = '"; echo injected; "$(echo injected)\n`echo injected`';
  const { command, stdout } = await run("current", hostile);
  expect(stdout).toBe(hostile);
  expect(command.environment.SSM_Value).toBe(hostile);
  expect(command.script).toContain("{{ Value }}");
});

test("an old agent runs a hostile value as code, so that only allowedPattern protects", async () => {
  const { command, stdout } = await run("old", '"; echo injected; "');
  expect(stdout).toContain("injected\n");
  expect(command.environment).not.toHaveProperty("SSM_Value");
});

test("a parameter without ENV_VAR is pasted by every agent", async () => {
  const { command } = await run("current", "7", { type: "String", interpolationType: "NONE" });
  expect(command.script).toContain('SSM_Value="7"');
});

test("a value is pasted as it is, and not searched for further names", async () => {
  const { command } = await run("old", "{{ Value }}$&$1");
  expect(command.script).toContain('SSM_Value="{{ Value }}$&$1"');
});

test("the script is told where it runs", async () => {
  const { command } = await run("current", "1");
  expect(command).toMatchObject({
    document: "D",
    parameters: { Value: "1" },
    timeoutSeconds: 60,
    environment: { AWS_SSM_INSTANCE_ID: "i-0123456789abcdef0", AWS_SSM_REGION_NAME: "eu-central-1" },
  });
});
