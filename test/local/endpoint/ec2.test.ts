import { DescribeInstancesCommand, EC2Client, paginateDescribeInstances } from "@aws-sdk/client-ec2";
import { afterAll, beforeAll, expect, test } from "vitest";
import { ec2 } from "../../../local/endpoint/ec2.ts";
import { type Endpoint, startEndpoint } from "../../../local/endpoint/wire.ts";
import { clientOptions } from "./clients.ts";

const nat = {
  InstanceId: "i-0123456789abcdef0",
  InstanceType: "t4g.nano",
  State: { Code: 16, Name: "running" },
  LaunchTime: new Date("2026-01-02T03:04:05Z"),
  SourceDestCheck: false,
  Tags: [{ Key: "nat-medic", Value: 'enrolled <&"' }],
  NetworkInterfaces: [
    { NetworkInterfaceId: "eni-1", PrivateIpAddresses: [{ PrivateIpAddress: "10.0.0.1", Primary: true }] },
  ],
} as const;
const old = { InstanceId: "i-01234567", InstanceType: "t2.micro" } as const;

let endpoint: Endpoint;
let client: EC2Client;
beforeAll(async () => {
  endpoint = await startEndpoint({
    services: [
      ec2({
        instances: [
          {
            ...nat,
            Tags: [...nat.Tags],
            NetworkInterfaces: structuredClone([...nat.NetworkInterfaces]) as never,
          },
          old,
        ],
      }),
    ],
  });
  client = new EC2Client(clientOptions(endpoint.url));
});
afterAll(() => endpoint.close());

const describe = (...InstanceIds: string[]) => client.send(new DescribeInstancesCommand({ InstanceIds }));

test("an instance comes back as it was given: nested lists, booleans, dates and markup", async () => {
  const { Reservations } = await describe(nat.InstanceId);
  expect(Reservations?.map(({ Instances }) => Instances)).toEqual([[nat]]);
});

test("all instances are described when none is named", async () => {
  const ids: (string | undefined)[] = [];
  for await (const { Reservations = [] } of paginateDescribeInstances({ client }, {})) {
    ids.push(...Reservations.flatMap(({ Instances = [] }) => Instances.map(({ InstanceId }) => InstanceId)));
  }
  expect(ids).toEqual([nat.InstanceId, old.InstanceId]);
});

test("one instance that does not exist is named", async () => {
  await expect(describe("i-0123456789abcdef1")).rejects.toMatchObject({
    name: "InvalidInstanceID.NotFound",
    message: "The instance ID 'i-0123456789abcdef1' does not exist",
    $metadata: { httpStatusCode: 400 },
  });
});

test("several instances that do not exist are all named", async () => {
  await expect(describe(nat.InstanceId, "i-00000001", "i-00000002")).rejects.toThrow(
    "The instance IDs 'i-00000001, i-00000002' do not exist",
  );
});

test.each(["i-0", "i-0; rm -rf /", "i-0123456789ABCDEF0", "i-0123456789abcdef01", "vol-01234567"])(
  "%s is no instance ID",
  async (id) => {
    await expect(describe(id)).rejects.toMatchObject({
      name: "InvalidInstanceID.Malformed",
      message: `Invalid id: "${id}"`,
    });
  },
);

test("a filter is refused by name rather than ignored", async () => {
  const filtered = client.send(
    new DescribeInstancesCommand({ Filters: [{ Name: "tag:nat-medic", Values: ["enrolled"] }] }),
  );
  await expect(filtered).rejects.toThrow("NotImplementedLocally: EC2.DescribeInstances: Filters");
});
