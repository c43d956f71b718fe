import { type Cause, type Judgement, type Observation, unreadHost } from "../cause.ts";
import { afterReboot, type Tracking } from "../evidence/after-reboot.ts";
import type { HostEvidence } from "../evidence/host.ts";
import { duration, whole } from "../wording.ts";

/**
 * The kernel sizes the table by the memory that it finds at boot, in steps of 512, and that is not to the byte what it
 * reports later: one step is an eighth of the smallest table that a NAT instance has. Whoever raises one doubles it.
 */
const rounding = 1.25;

/**
 * Somebody set what runs, and wrote it down nowhere that a boot would read: the old trouble comes back with it.
 * Settled by comparison: what runs, against what the files and the kernel's own defaults would make of it.
 * Looks alike: a host at the kernel's defaults (nothing to lose), one whose files say the same.
 */
export const conntrackSettingsNotPersistent: Cause = {
  id: "conntrack-settings-not-persistent",
  title: "The settings of connection tracking will be lost at the next boot",
  symptom: "Nothing yet: the next reboot or replacement brings the old trouble back.",
  fixes: ["persist-conntrack-settings"],

  judge({ host }): Judgement {
    if (host.status === "unread") return { verdict: "unknown", missing: unreadHost(host.detail) };
    const { evidence } = host;
    const lost = whatIsLost(evidence);
    if (lost === undefined) {
      return {
        verdict: "unknown",
        missing: "the limits of the table and the kernel's version could not be read",
      };
    }
    if (lost.length === 0) return { verdict: "absent", evidence: [kept()] };
    const { owner } = evidence.persistence;
    if (owner !== "none" && lost.some(({ file }) => file === undefined)) {
      return {
        verdict: "unknown",
        missing: `what ${owner} sets at boot is in its own unit and user data, which are not read`,
        asked: false,
      };
    }
    return {
      verdict: "present",
      confidence: 0.99,
      severity: "warning",
      evidence: lost.map(({ observation }) => observation),
      advice: [
        "Do not reboot before the settings are written down. An instance that an Auto Scaling group replaces needs them in its user data or image as well.",
      ],
    };
  },

  verify(_before, after) {
    const lost = whatIsLost(after);
    if (lost === undefined) return { verdict: "unknown", evidence: [] };
    if (lost.length === 0) return { verdict: "better", evidence: [kept()] };
    return { verdict: "unchanged", evidence: lost.map(({ observation }) => observation) };
  },
};

/** `file`: what says otherwise; `undefined`: no file, the kernel's own default. */
type Lost = { observation: Observation; file: string | undefined };

function whatIsLost(host: HostEvidence): Lost[] | undefined {
  const { conntrack, timeouts, persistence } = host;
  const next = afterReboot(host);
  const { max, buckets } = conntrack;
  if (!conntrack.loaded || next === undefined || max === null || buckets === null) return undefined;
  const lost: Lost[] = [];
  const add = (setting: string, now: string, then: string, configured: { file: string } | null) => {
    const remedy =
      configured !== null && !persistence.moduleLoadedAtBoot ? "read before the module is loaded" : "";
    const where = configured === null ? "no file sets it" : `${configured.file}${remedy && `, ${remedy}`}`;
    lost.push({
      observation: {
        signal: setting,
        observed: `${now} now, ${then} after a reboot (${where})`,
        expected: "the same",
      },
      file: configured?.file,
    });
  };
  const { hashsize } = persistence;
  if (max > rounding * next.max) {
    add("nf_conntrack_max", whole(max), whole(next.max), persistence.max ?? hashsize);
  }
  if (buckets > rounding * next.buckets) {
    add("nf_conntrack_buckets", whole(buckets), whole(next.buckets), persistence.buckets ?? hashsize);
  }
  const timers = [
    ["tcp_timeout_established", "established"],
    ["tcp_timeout_time_wait", "timeWait"],
  ] as const satisfies readonly (readonly [string, keyof Tracking & keyof typeof persistence])[];
  for (const [name, key] of timers) {
    const now = timeouts[name];
    if (now === undefined || now === next[key]) continue;
    add(`nf_conntrack_${name}`, duration(now), duration(next[key]), persistence[key]);
  }
  return lost;
}

function kept(): Observation {
  return {
    signal: "settings of connection tracking after a reboot",
    observed: "as they run now",
    expected: "as they run now",
  };
}
