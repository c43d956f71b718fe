/** `nat-medic local`: the embedded AWS, kept running. */
import { existsSync } from "node:fs";
import { parseArgs } from "node:util";
import { definitionFile } from "../build/layout.ts";
import { pageLink } from "../local/page-visitor.ts";
import { readScenario, scenarioIds } from "../local/scenario.ts";
import { chatTopicArn, region, startLocalStack } from "../local/stack.ts";
import { recordedStage, stackOn } from "../local/stage.ts";
import { type Command, UsageError } from "./command.ts";
import { credentialsFor, terminalLines } from "./terminal-lines.ts";

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
    if (!existsSync(definitionFile("remediate")))
      throw new UsageError('the functions are not built; run "npm run build" first');

    const stage = recordedStage(readScenario(id));
    const stack = await startLocalStack({
      ...stackOn(stage, [instanceId]),
      mode: "propose",
      approvalSeconds: 14_400,
      port,
      onPublish: ({ topicArn, subject, message }) => {
        if (topicArn === chatTopicArn) return;
        console.log(`\nSubject: ${subject}\n${message}`);
        const [link, incidentId = ""] = pageLink.exec(message) ?? [];
        if (link === undefined) return;
        console.log(`Decide on the page:\n\n  ${link}\n\nor in another terminal:\n`);
        console.log(`${terminalLines(stack.url, incidentId)}\n`);
      },
      onEvent: ({ type, state }, execution) => {
        if (type === "StateEntered") console.log(`${execution}  ${state}`);
      },
    });
    console.log(`Listening on ${stack.url}; start a diagnosis by hand from another terminal:

  export ${credentialsFor(stack.url)}
  aws stepfunctions start-execution --endpoint-url ${stack.url} --region ${region} \\
    --state-machine-arn ${stack.machineArn} --input file://events/start-by-hand.json

With "mode": "approve" in the input you are asked for a decision, on a page of its own.
`);
    await new Promise((resolve) => {
      process.once("SIGINT", resolve);
      process.once("SIGTERM", resolve);
    });
    await stack.stop();
    return 0;
  },
};
