/**
 * What an enrolled guest publishes, on its way to the local CloudWatch. The guest has no network but its own, so a listener
 * at the agent's port, and a stand-in for the AWS CLI, keep what the publisher sends until it is forwarded from here.
 */
import { CloudWatchClient, PutMetricDataCommand, type PutMetricDataInput } from "@aws-sdk/client-cloudwatch";
import * as z from "zod/mini";
import { buildDocument } from "../host/documents.ts";
import { readEmbeddedMetrics } from "./embedded-metrics.ts";
import type { Guest } from "./qemu/guest.ts";
import { qemuHost } from "./qemu/qemu-host.ts";
import { hostCommand } from "./run-command/agent.ts";

/** The CloudWatch agent, as far as the publisher can tell: someone listens at its port. */
export const startAgent = (guest: Guest): Promise<string> => guest.must("/opt/lab/cloudwatch-agent start");

/** The one line of JSON of `enrol-host` and `remove-host`. */
const Enrolment = z.strictObject({
  schema: z.literal("nat-medic/enrolment/1"),
  action: z.enum(["enrol", "remove"]),
  status: z.enum(["changed", "unchanged", "failed"]),
  reason: z.string(),
  /** How the last publication left the host. */
  transport: z.enum(["agent", "cli", "none"]),
  files: z.array(z.strictObject({ path: z.string(), action: z.enum(["written", "removed"]) })),
});
export type Enrolment = z.infer<typeof Enrolment>;

/**
 * Runs `NatMedic-EnrolHost` as State Manager does. The guest must have been booted with `init: "systemd"`.
 * @param parameters of the document; its defaults otherwise
 */
export const enrolGuest = (
  guest: Guest,
  identity: { instanceId: string; region: string },
  parameters: Record<string, string> = {},
): Promise<Enrolment> => runDocument(guest, "NatMedic-EnrolHost", identity, parameters);

/** Runs `NatMedic-RemoveHost`. */
export const removeGuest = (
  guest: Guest,
  identity: { instanceId: string; region: string },
): Promise<Enrolment> => runDocument(guest, "NatMedic-RemoveHost", identity, {});

async function runDocument(
  guest: Guest,
  name: string,
  identity: { instanceId: string; region: string },
  given: Record<string, string>,
): Promise<Enrolment> {
  const document = buildDocument(name);
  const usual = Object.entries(document.parameters).flatMap(([key, { default: value }]) =>
    value === undefined ? [] : [[key, value]],
  );
  const values: Record<string, string> = { ...Object.fromEntries(usual), ...given };
  const command = hostCommand({ name, document, values, ...identity, agent: "current" });
  const answer = await qemuHost(guest).run(command);
  if (answer.kind !== "exited") throw new Error(`${name}: the host ${answer.kind}`);
  return Enrolment.parse(JSON.parse(answer.stdout));
}

/** Lets the publisher run now instead of at its timer's next moment, and waits for its end. */
export const publishNow = (guest: Guest): Promise<string> =>
  guest.must("systemctl start nat-medic-metrics.service");

/** Takes what was published since the last call, oldest first. */
export async function takeMetrics(guest: Guest): Promise<PutMetricDataInput[]> {
  const taken = await guest.must(`cd /run/lab/metrics 2>/dev/null || exit 0
    for file in documents requests; do
      [ ! -e $file ] || { mv $file taken && sed "s/^/$file /" taken; }
    done; rm -f taken`);
  return taken
    .split("\n")
    .filter((line) => line !== "")
    .flatMap((line) => {
      const [, kind, content = ""] = /^(documents|requests) (.*)$/.exec(line) ?? [];
      return kind === "documents" ? readEmbeddedMetrics(content) : [readRequest(content)];
    });
}

/** `--metric-data` is the API's own shape, but for its time, which the CLI reads. */
const Data = z.array(
  z.looseObject({
    MetricName: z.string(),
    Timestamp: z.pipe(
      z.string(),
      z.transform((text) => new Date(text)),
    ),
  }),
);

function readRequest(line: string): PutMetricDataInput {
  const [, Namespace = "", data = ""] = /^(\S+) (.*)$/.exec(line) ?? [];
  return { Namespace, MetricData: Data.parse(JSON.parse(data)) };
}

/**
 * Publishes to the CloudWatch at `url` what the guest has published since the last call.
 * @returns how many data that was
 */
export async function forwardMetrics(guest: Guest, url: string): Promise<number> {
  const client = new CloudWatchClient({
    endpoint: url,
    region: "us-east-1",
    credentials: { accessKeyId: "local", secretAccessKey: "local" },
  });
  const publications = await takeMetrics(guest);
  for (const publication of publications) await client.send(new PutMetricDataCommand(publication));
  client.destroy();
  return publications.reduce((sum, { MetricData = [] }) => sum + MetricData.length, 0);
}
