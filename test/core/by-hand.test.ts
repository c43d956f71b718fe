import { expect, it } from "vitest";
import type { HostChange } from "../../core/change.ts";
import { enableIpForward } from "../../core/fixes/enable-ip-forward.ts";
import type { PlanStep } from "../../core/plan.ts";
import { removeFiles, sendCommand } from "../../core/report/by-hand.ts";
import { captured, evidenceOf } from "./captured.ts";

const asked = { instanceId: "i-0a1b2c3d4e5f67890", id: "inc-20261121-a1b2c3d4", place: null };

it("what the short form of the AWS CLI would take apart is given as JSON", () => {
  const host = { ...captured("healthy"), parameters: { "net.ipv4.ip_forward": [0] } };
  const prepared = enableIpForward.prepare(evidenceOf(host));
  const step = { document: enableIpForward.document, ...prepared } as unknown as PlanStep;
  const [, given = ""] = sendCommand(step, asked, "apply").split(" --parameters ");
  expect(JSON.parse(given.slice(1, -1))).toEqual({
    Action: ["apply"],
    IncidentId: ["inc-20261121-a1b2c3d4"],
    Fix: ["enable-ip-forward"],
    Changes: ["net.ipv4.ip_forward=1"],
  });
  expect(given).toMatch(/^'.*'$/);
});

it("the files of a rule that was made to last are ours to remove, another's are not", () => {
  const paths = [
    "/etc/nat-medic/rules-clamp-mss-inc-20261121-a1b2c3d4.sh",
    "/etc/systemd/system/nat-medic-rules.service",
    "/etc/systemd/system/multi-user.target.d/nat-medic-rules.conf",
    "/etc/systemd/system/sshd.service",
  ];
  const files = paths.map((path) => ({ path, action: "written" }));
  expect(removeFiles({ files } as HostChange)).toEqual([`rm ${paths.slice(0, 3).join(" ")}`]);
});
