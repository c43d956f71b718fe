/** Looks at one instance, from captured hosts and metrics of a fortnight. */
import { diagnose } from "../../../core/diagnosis.ts";
import type { CloudEvidence, MetricHistory } from "../../../core/evidence/cloud.ts";
import type { HostEvidence } from "../../../core/evidence/host.ts";
import type { Evidence } from "../../../core/evidence.ts";
import type { Incident } from "../../../core/incident.ts";
import { daysBack } from "../../../core/prevention/headroom.ts";
import { type Look, lookAhead } from "../../../core/prevention/look-ahead.ts";
import { byHand, captured, cloudOf, evidenceOf } from "../captured.ts";

export const id = "i-0a1b2c3d4e5f67890";
/** Six in the morning of the `day`-th look. */
export const morning = (day = 0) => new Date(Date.UTC(2026, 10, 21 + day, 6)).toISOString();

export function incidentOf(at: string, instanceId = id): Incident {
  return {
    id: "inc-20261121t060000z-00000000-lookahead",
    instanceId,
    mode: "propose",
    modeReason: "the daily look changes nothing",
    trigger: byHand,
    openedAt: at,
    automaticChangesLeft: 0,
    probe: false,
    place: null,
  };
}

/** One value per whole day before `at`. */
export function daily(
  metric: "ConntrackUtilization" | "EnaConntrackHeadroom",
  value: (day: number) => number,
  at = morning(),
): MetricHistory {
  const midnight = Math.floor(Date.parse(at) / 86_400_000) * 86_400;
  return {
    name: `NatMedic/${metric}`,
    points: Array.from({ length: daysBack }, (_, day) => ({
      at: midnight - (daysBack - day) * 86_400,
      value: value(day),
    })),
  };
}

/** What publishes its utilisation and has an alarm on it. */
export const watched: CloudEvidence = cloudOf({
  metrics: {
    "NatMedic/ConntrackUtilization": {
      name: "NatMedic/ConntrackUtilization",
      points: [{ at: 1, value: 12 }],
    },
  },
  utilizationAlarms: ["nat-medic-fleet-table-filling"],
});

/** A busy instance with nothing wrong, large enough that the kernel gives it a table of the ordinary size. */
export const large = (): HostEvidence => {
  const host = captured("healthy");
  const size = { max: 65_536, buckets: 65_536 };
  return {
    ...host,
    uptime: 90_000,
    memory: { totalKiB: 2_000_000, availableKiB: 1_600_000 },
    conntrack: { ...host.conntrack, ...size },
  };
};

export const seen = (host: HostEvidence, cloud: CloudEvidence = watched): Evidence => ({
  ...evidenceOf(host),
  cloud,
});

const flat = (at: string) => [daily("ConntrackUtilization", () => 12, at)];

export function look({
  evidence = seen(large()),
  at = morning(),
  ...given
}: Partial<Look> & { at?: string }) {
  return lookAhead({
    runId: at,
    incident: incidentOf(at),
    evidence,
    diagnosis: diagnose(evidence, byHand),
    histories: flat(at),
    before: undefined,
    horizonDays: 30,
    ...given,
  });
}
