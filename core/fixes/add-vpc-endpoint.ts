import type { CloudEvidence } from "../evidence/cloud.ts";
import { scaleToTable } from "../evidence/counters.ts";
import type { HostEvidence } from "../evidence/host.ts";
import type { Fix } from "../fix.ts";
import { percent } from "../wording.ts";

/**
 * The large blocks that AWS lists for the two services with a gateway endpoint, which is free (ip-ranges.json, services
 * S3 and DYNAMODB, late 2025). Not all of them: what is not recognised is not proposed.
 */
const blocks = {
  s3: /^(52\.21[6-9]|54\.231|52\.92|3\.5|16\.182|18\.34)\./,
  dynamodb: /^(52\.119\.2(2[4-9]|3\d)|52\.94\.[0-7])\./,
} as const;
type Service = keyof typeof blocks;
const services: readonly Service[] = ["s3", "dynamodb"];
const names: Readonly<Record<Service, string>> = { s3: "S3", dynamodb: "DynamoDB" };

/** Of the table's entries: less would take little off the NAT. */
const worthIt = 0.1;

/** Proposed only: it changes route tables, and connections to the service that are open then end. */
export const addVpcEndpoint: Fix = {
  id: "add-vpc-endpoint",
  title: "Take the traffic of AWS services off the NAT",
  risk: "medium",
  document: null,
  precondition:
    "Among the NAT's fullest destinations is S3 or DynamoDB, and the VPC has no gateway endpoint for it.",
  effect:
    "That traffic goes its own way, without the NAT and without its limits. A gateway endpoint costs nothing.",
  blastRadius:
    "The subnets of the route tables named: their open connections to that service end once. Bucket policies that name the NAT's address no longer match.",
  verifiedBy:
    "The service is no longer among the NAT's destinations, and the counter of the limit stands still.",
  undoing:
    "Exact: the endpoint is deleted, and its routes go with it; open connections to the service end once.",
  permissions: [],

  prepare({ host, cloud }) {
    if (host.status === "unread") return { impossible: "the host could not be read" };
    const { network, instance } = cloud;
    const region = instance?.availabilityZone?.replace(/[a-z]$/, "");
    if (network === null || instance === null || region === undefined) {
      return { impossible: "the VPC's endpoints and route tables are unknown" };
    }
    const busy = services
      .map((service) => ({ service, share: shareOf(host.evidence, service) }))
      .filter(({ share }) => share >= worthIt);
    if (busy.length === 0) {
      return { impossible: `neither S3 nor DynamoDB is seen to hold ${percent(worthIt)} of the connections` };
    }
    const missing = busy.filter(
      ({ service }) => !network.gatewayEndpoints.some((name) => name.endsWith(`.${service}`)),
    );
    const tables = tablesThroughNat(cloud);
    if (missing.length === 0) return { impossible: "the VPC has the gateway endpoints already" };
    if (tables.length === 0) return { impossible: "no route table of the VPC leads to this NAT" };
    const what = missing.map(
      ({ service, share }) => `${names[service]} (${percent(share)} of the connections)`,
    );
    return {
      action: `Add a gateway endpoint for ${what.join(" and ")} to the VPC`,
      settings: [],
      parameters: {},
      commands: missing.map(
        ({ service }) =>
          `aws ec2 create-vpc-endpoint --vpc-id ${network.vpcId} --vpc-endpoint-type Gateway --service-name com.amazonaws.${region}.${service} --route-table-ids ${tables.join(" ")}`,
      ),
      undo: missing.map(
        ({ service }) =>
          `aws ec2 delete-vpc-endpoints --vpc-endpoint-ids $(aws ec2 describe-vpc-endpoints --filters Name=vpc-id,Values=${network.vpcId} Name=service-name,Values=com.amazonaws.${region}.${service} Name=vpc-endpoint-type,Values=Gateway --query 'VpcEndpoints[].VpcEndpointId' --output text)`,
      ),
    };
  },
};

function shareOf(host: HostEvidence, service: Service): number {
  const { table, conntrack } = host;
  if (table === null || conntrack.count === null || conntrack.count === 0) return 0;
  const entries = table.destinations
    .filter(({ address }) => blocks[service].test(address))
    .reduce((sum, destination) => sum + destination.entries, 0);
  return scaleToTable(host, entries) / conntrack.count;
}

/** Those whose default route is one of this instance's interfaces. */
function tablesThroughNat({ instance, network }: CloudEvidence): string[] {
  const ours = (instance?.interfaces ?? []).map(({ id }) => id);
  return (network?.routeTables ?? [])
    .filter(({ routes }) =>
      routes.some(({ destination, targetId }) => destination === "0.0.0.0/0" && ours.includes(targetId)),
    )
    .map(({ id }) => id);
}
