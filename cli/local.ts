/** `nat-medic local`: the embedded AWS, kept running. */
import { existsSync } from "node:fs";
import { parseArgs } from "node:util";
import { definitionFile } from "../build/layout.ts";
import { readScenario, scenarioIds } from "../local/scenario.ts";
import { startLocalStack } from "../local/stack.ts";
import { recordedStage } from "../local/stage.ts";
import { type Command, UsageError } from "./command.ts";

const instanceId = "i-0a1b2c3d4e5f67890";
const defaultScenario = "conntrack-table-full";

export const local: Command = {
  help: `Usage: nat-medic local [SCENARIO] [--port PORT]

Keeps an embedded AWS with NAT Medic deployed on it running on loopback until Ctrl-C, for the AWS CLI and your own
tests. The one instance is ${instanceId}; behind it is the recorded host of SCENARIO (default ${defaultScenario}).

  --port PORT   default 4566
`,
  async run(args) {
    const { values, positionals } = parseArgs({
      args,
      allowPositionals: true,
      options: { port: { type: "string", default: "4566" } },
    });
    const port = Number(values.port);
    if (!(Number.isInteger(port) && port >= 0 && port <= 65_535))
      throw new UsageError("--port takes a number up to 65535");
    const [id = defaultScenario] = positionals;
    if (!scenarioIds.includes(id)) throw new UsageError(`name one scenario of ${scenarioIds.join(", ")}`);
    if (!existsSync(definitionFile))
      throw new UsageError('the functions are not built; run "npm run build" first');

    const stage = recordedStage(readScenario(id));
    const stack = await startLocalStack({
      instances: { [instanceId]: { host: stage.host, type: "t3.micro" } },
      mode: "propose",
      approvalSeconds: 14_400,
      port,
      onPublish: ({ subject, message }) => console.log(`\nSubject: ${subject}\n${message}`),
      onEvent: ({ type, state }, execution) => {
        if (type === "StateEntered") console.log(`${execution}  ${state}`);
      },
    });
    console.log(`Listening on ${stack.url}; start a diagnosis by hand from another terminal:

  export AWS_ACCESS_KEY_ID=local AWS_SECRET_ACCESS_KEY=local AWS_REGION=eu-central-1
  aws stepfunctions start-execution --endpoint-url ${stack.url} --region eu-central-1 \\
    --state-machine-arn ${stack.machineArn} --input file://events/start-by-hand.json
`);
    await new Promise((resolve) => {
      process.once("SIGINT", resolve);
      process.once("SIGTERM", resolve);
    });
    await stack.stop();
    return 0;
  },
};
